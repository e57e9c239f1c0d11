// SPDX-License-Identifier: BSL-1.0
#include "snipass/os/descriptor_queue.hpp"

#include "catch.hpp"
#include "catch_result.hpp"
#include "same_descriptors.hpp"
#include "snipass/os/error.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <utility>

using namespace snipass;
using namespace snipass::testing;

namespace {

ino_t file_of(int fd) {
    struct stat found {};
    REQUIRE(::fstat(fd, &found) == 0);
    return found.st_ino;
}

os::unique_fd some_file() {
    return os::unique_fd{::memfd_create("some", MFD_CLOEXEC)};
}

std::vector<os::unique_fd> files(std::size_t count) {
    std::vector<os::unique_fd> all(count);
    for (auto& one : all)
        one = some_file();
    return all;
}

std::vector<int> numbers_of(const std::vector<os::unique_fd>& all) {
    std::vector<int> numbers;
    for (const auto& one : all)
        numbers.push_back(one.get());
    return numbers;
}

} // namespace

TEST_CASE("a queue of descriptors gives each group back in its order, as often as it is asked") {
    const auto first = files(1);
    const auto many = files(600);
    const std::vector<int> none;
    const auto queue = os::queue_descriptors({numbers_of(first), none, numbers_of(many)});
    REQUIRE(queue);
    for (int i = 0; i < 2; ++i) {
        REQUIRE(!os::look_from_start(queue->get()));
        const auto one = os::take_descriptors(queue->get(), 1);
        REQUIRE(one);
        CHECK(file_of(one->front().get()) == file_of(first.front().get()));
        CHECK(os::take_descriptors(queue->get(), 0)->empty());
        const auto all = os::take_descriptors(queue->get(), many.size());
        REQUIRE(all);
        for (std::size_t at = 0; at < many.size(); ++at)
            REQUIRE(file_of((*all)[at].get()) == file_of(many[at].get()));
        CHECK((::fcntl(all->back().get(), F_GETFD) & FD_CLOEXEC) != 0);
        CHECK(os::take_descriptors(queue->get(), 1).error() == os::make_error(EBADMSG));
    }
}

TEST_CASE("a group of another size is none") {
    const auto two = files(2);
    const auto queue = os::queue_descriptors({numbers_of(two)});
    REQUIRE(queue);
    REQUIRE(!os::look_from_start(queue->get()));
    CHECK(os::take_descriptors(queue->get(), 1).error() == os::make_error(EBADMSG));
    REQUIRE(!os::look_from_start(queue->get()));
    CHECK(os::take_descriptors(queue->get(), 3).error() == os::make_error(EBADMSG));
}

TEST_CASE("what is in a queue is closed with it") {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
    const os::unique_fd out{ends[0]};
    os::unique_fd in{ends[1]};
    const int number[] = {in.get()};
    auto queue = os::queue_descriptors({number});
    REQUIRE(queue);
    in.reset();
    char byte = 0;
    CHECK(::read(out.get(), &byte, 1) == -1);
    queue->reset();
    CHECK(::read(out.get(), &byte, 1) == 0);
}

TEST_CASE("a file in memory is read whole, and nobody changes it") {
    const std::string text(100'000, 'x');
    const byte_view parts[] = {as_bytes(text).first(3), {}, as_bytes(text).subspan(3)};
    const auto file = os::memory_file("test", parts);
    REQUIRE(file);
    CHECK(::write(file->get(), "y", 1) == -1);
    const auto bytes = os::read_memory_file(file->get(), text.size());
    REQUIRE(bytes);
    CHECK(as_text(*bytes) == text);
    CHECK(os::read_memory_file(file->get(), text.size() - 1).error() == os::make_error(EFBIG));
    CHECK(os::read_memory_file(some_file().get(), 10).error() == os::make_error(EINVAL));
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    const os::unique_fd out{ends[0]};
    const os::unique_fd in{ends[1]};
    CHECK(os::read_memory_file(out.get(), 10).error() == os::make_error(EINVAL));
}
