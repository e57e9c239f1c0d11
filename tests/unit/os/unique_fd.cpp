// SPDX-License-Identifier: BSL-1.0
#include "snipass/os/unique_fd.hpp"

#include "catch.hpp"
#include "same_descriptors.hpp"

#include <fcntl.h>

#include <utility>

using namespace snipass::testing;
using snipass::os::unique_fd;

namespace {

unique_fd opened() {
    return unique_fd{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
}

bool is_open(int fd) {
    return ::fcntl(fd, F_GETFD) >= 0;
}

} // namespace

TEST_CASE("unique_fd: empty until it owns something") {
    const unique_fd none;
    CHECK_FALSE(none);
    CHECK(none.get() == -1);
}

TEST_CASE("unique_fd: descriptor 0 is owned like any other") {
    unique_fd zero{0};
    CHECK(zero);
    CHECK(zero.release() == 0);
}

TEST_CASE("unique_fd: closes what it owns at its end") {
    int number = -1;
    {
        const auto fd = opened();
        number = fd.get();
        REQUIRE(is_open(number));
    }
    CHECK_FALSE(is_open(number));
}

TEST_CASE("unique_fd: a moved-from one owns nothing") {
    const same_descriptors check;
    auto from = opened();
    const int number = from.get();
    const unique_fd to{std::move(from)};
    CHECK_FALSE(from); // NOLINT: that is the question
    CHECK(to.get() == number);
    CHECK(is_open(number));
}

TEST_CASE("unique_fd: assignment closes what was owned before") {
    const same_descriptors check;
    auto to = opened();
    const int before = to.get();
    auto from = opened();
    const int after = from.get();
    to = std::move(from);
    CHECK_FALSE(is_open(before));
    CHECK(to.get() == after);
    CHECK(is_open(after));
}

TEST_CASE("unique_fd: assigned to itself it keeps what it owns") {
    const same_descriptors check;
    auto fd = opened();
    const int number = fd.get();
    auto& same = fd;
    fd = std::move(same);
    CHECK(fd.get() == number);
    CHECK(is_open(number));
}

TEST_CASE("unique_fd: reset to what it owns already keeps it open") {
    const same_descriptors check;
    auto fd = opened();
    fd.reset(fd.get());
    CHECK(is_open(fd.get()));
}

TEST_CASE("unique_fd: released, the descriptor is somebody else's") {
    const same_descriptors check;
    auto fd = opened();
    const int number = fd.release();
    CHECK_FALSE(fd);
    fd.reset();
    CHECK(is_open(number));
    ::close(number);
}
