// SPDX-License-Identifier: BSL-1.0
// What a stranger sent is thrown away, and nobody waits for its end.
#include "snipass/handoff/foreign.h"

#include "catch.hpp"
#include "handoff_sender.hpp"
#include "lingering.hpp"
#include "same_descriptors.hpp"
#include "snipass/net/foreign.hpp"
#include "tcp_client.hpp"

#include <fcntl.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

using namespace snipass;
using namespace snipass::testing;
using handoff_test::byte_string;
using handoff_test::send_with;
using handoff_test::test_fd;

namespace {

const byte_string byte{'x'};

struct connection {
    connection() {
        std::array<int, 2> ends{};
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
        near.reset(ends[0]);
        far.emplace(ends[1]);
    }

    os::unique_fd near;         // the receiver's
    std::optional<test_fd> far; // the stranger's
};

// Ways to send descriptors.
using way = void (*)(const test_fd& far, int fd);

constexpr std::pair<const char*, way> ways[] = {
    {"on the first byte", [](const test_fd& far, int fd) { send_with(far, byte, std::array{fd}); }},
    {"behind others",
     [](const test_fd& far, int fd) {
         send_with(far, byte_string(5'000), {});
         send_with(far, byte, std::array{far.get()});
         send_with(far, byte, std::array{fd});
     }},
    {"as the last of many",
     [](const test_fd& far, int fd) {
         std::vector<int> many(handoff_descriptors_max, far.get());
         many.back() = fd;
         send_with(far, byte, many);
     }},
    {"on an urgent byte", [](const test_fd& far, int fd) { send_with(far, byte, std::array{fd}, MSG_OOB); }},
    {"on an urgent byte behind another",
     [](const test_fd& far, int fd) {
         send_with(far, byte, {});
         send_with(far, byte, std::array{fd}, MSG_OOB);
     }},
};

// One whose last copy is in the connection's queue.
tcp_client send_lingering(const connection& one, way send) {
    tcp_connection client;
    make_lingering(client.accepted.get());
    send(*one.far, client.accepted.get());
    return std::move(client.client);
}

// One whose last copy is in the queue of a socket that is in the connection's queue.
tcp_client send_slow(const connection& one) {
    connection inner;
    tcp_connection client;
    make_lingering(client.accepted.get());
    send_with(*inner.far, byte, std::array{client.accepted.get()});
    send_with(*one.far, byte, std::array{inner.near.get()});
    return std::move(client.client);
}

std::size_t threads() {
    const std::filesystem::directory_iterator all{"/proc/self/task"};
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

void wait_for_threads(std::size_t count) {
    while (threads() != count)
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
}

} // namespace

TEST_CASE("handoff_turn_away: no socket lingers, wherever it is") {
    const same_descriptors check;
    for (const auto& [what, send] : ways) {
        INFO(what);
        for (const bool has_left : {true, false}) {
            connection one;
            const auto deaf = send_lingering(one, send);
            if (has_left)
                one.far.reset();
            handoff_turn_away(&handoff_libc, one.near.release());
        }
    }
}

TEST_CASE("handoff_may_hold_descriptors: wherever they are, and nothing can follow them") {
    const same_descriptors check;
    const tcp_connection client;
    for (const auto& [what, send] : ways) {
        INFO(what);
        connection one;
        send(*one.far, client.accepted.get());
        CHECK(handoff_may_hold_descriptors(one.near.get()));
        CHECK(send_with(*one.far, byte, std::array{client.accepted.get()}) < 0);
    }
}

TEST_CASE("handoff_may_hold_descriptors: a byte is none, and can be read afterwards") {
    const connection one;
    send_with(*one.far, byte_string{6}, {});
    CHECK_FALSE(handoff_may_hold_descriptors(one.near.get()));
    std::uint8_t got = 0;
    CHECK(::recv(one.near.get(), &got, 1, MSG_DONTWAIT) == 1);
    CHECK(got == 6);
    CHECK_FALSE(handoff_may_hold_descriptors(one.near.get()));
}

TEST_CASE("handoff_close_foreign: a socket does not linger, and another file is closed") {
    const same_descriptors check;
    tcp_connection client;
    make_lingering(client.accepted.get());
    handoff_close_foreign(&handoff_libc, client.accepted.release());
    handoff_close_foreign(&handoff_libc, ::dup(0));
}

TEST_CASE("turn_away: what it cannot strip of its end's time ends in another thread, one for each sender") {
    std::thread{[] {}}.join(); // ThreadSanitizer has one of its own from the first on
    const auto before = threads();
    std::vector<tcp_client> deaf;
    const auto account = std::make_shared<int>();
    for (int i = 0; i < 12; ++i) {
        connection one;
        deaf.push_back(send_slow(one));
        net::turn_away(std::move(one.near), 1, account);
    }
    wait_for_threads(before + 1); // it waits there; one that found its line taken ends at once
    CHECK(account.use_count() == 13);

    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    const test_fd reader{ends[0]};
    test_fd writer{ends[1]};
    connection another;
    send_with(*another.far, byte, std::array{writer.get()});
    writer.reset();
    net::turn_away(std::move(another.near), 2);
    pollfd end{reader.get(), POLLIN, 0};
    CHECK(::poll(&end, 1, 10'000) == 1); // the pipe's last writer is gone

    deaf.clear(); // and no longer
    wait_for_threads(before);
    CHECK(account.use_count() == 1);
}

TEST_CASE("close_elsewhere: of one sender no more descriptors stand in line than a few hundred") {
    std::thread{[] {}}.join();
    const auto before = threads();
    connection one;
    auto deaf = send_slow(one);
    net::turn_away(std::move(one.near), 3);
    const auto open = handoff_test::open_descriptors();
    for (int i = 0; i < 8; ++i) {
        std::vector<int> many(100);
        std::ranges::generate(many, [] { return ::dup(0); });
        net::close_elsewhere(many, 3);
    }
    CHECK(handoff_test::open_descriptors() == open + 200); // the others are closed already
    { const auto gone = std::move(deaf); }                 // nobody waits any more
    wait_for_threads(before);
}

TEST_CASE("turn_away: a connection without descriptors is closed at once") {
    const same_descriptors check;
    const auto before = threads();
    connection one;
    send_with(*one.far, byte, {});
    net::turn_away(std::move(one.near), 0);
    CHECK(threads() == before);
}
