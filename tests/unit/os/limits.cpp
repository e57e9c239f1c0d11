// SPDX-License-Identifier: BSL-1.0
#include "snipass/os/limits.hpp"

#include "snipass/os/unique_fd.hpp"

#include "catch.hpp"

#include <fcntl.h>
#include <sys/resource.h>

using namespace snipass;

TEST_CASE("raise_descriptor_limit: up to the hard limit, and again is harmless") {
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    rlimit low = before;
    low.rlim_cur = std::min<rlim_t>(before.rlim_max, 256);
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &low) == 0);
    CHECK(os::raise_descriptor_limit() == before.rlim_max);
    CHECK(os::raise_descriptor_limit() == before.rlim_max);
    rlimit after{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &after) == 0);
    CHECK(after.rlim_cur == before.rlim_max);
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
}

TEST_CASE("open_descriptors: one more for each that is opened") {
    const auto before = os::open_descriptors();
    const os::unique_fd one{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
    const os::unique_fd another{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
    CHECK(os::open_descriptors() == before + 2);
}
