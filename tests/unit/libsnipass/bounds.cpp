// SPDX-License-Identifier: BSL-1.0
// libsnipass: how much a sender may cost.
#include "descriptor_limit.hpp"
#include "receiver_fixture.hpp"

#include <array>
#include <cstdlib>
#include <sys/resource.h>
#include <sys/wait.h>
#include <vector>

extern "C" {
#include "../../../src/libsnipass/receiver.h"
}

using namespace handoff_test;

namespace {

constexpr std::size_t max_pending = 1024; // receiver.c
constexpr rlim_t enough = 4 * max_pending;

} // namespace

TEST_CASE_METHOD(fixture,
                 "libsnipass: at the bound, the oldest client whose sender does not let go is served") {
    const snipass::testing::descriptor_limit raised{enough};
    options.patience_ms = 600'000;
    const auto receiver = listen();
    const auto client = make_tcp_pair();
    std::vector<test_fd> connections;
    const auto hand = [&](std::uint8_t number) {
        auto header = example_header();
        header.back() = number;
        connections.push_back(connect_unix(path));
        send_with(connections.back(), header, std::array{client.near.get()});
    };
    for (std::size_t i = 0; i < max_pending; ++i) {
        hand(static_cast<std::uint8_t>(i));
        REQUIRE(takes_nothing(receiver));
    }
    const auto held = open_descriptors();
    for (std::uint8_t i = 0; i < 10; ++i) {
        hand(0xff);
        const auto taken = receive(receiver);
        REQUIRE(taken);
        CHECK(snipass_client_id(taken.get())[15] == i);
        CHECK(takes_nothing(receiver)); // the new one is acknowledged in its place
        CHECK(answer_of(connections.back()) == answer::ack);
    }
    CHECK(open_descriptors() == held + 10); // this test's own
}

TEST_CASE_METHOD(fixture,
                 "libsnipass: at the bound, the oldest handoff without ACK makes room for the next") {
    const snipass::testing::descriptor_limit raised{enough};
    options.patience_ms = 600'000;
    const auto receiver = listen();
    const auto client = make_tcp_pair();
    std::vector<test_fd> connections;
    for (std::size_t i = 0; i < max_pending; ++i) {
        connections.push_back(connect_unix(path));
        REQUIRE(takes_nothing(receiver));
    }
    const auto next = hand_over(path, client.near.get());
    CHECK(receive(receiver));
    CHECK(answer_of(connections[0]) == answer::closed);
    CHECK(answer_of(connections[1]) == answer::nothing);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) // their allocators end the process

namespace {

// use_up takes what the allocator has, and may have.
void use_up() {
    const rlimit none{0, RLIM_INFINITY};
    setrlimit(RLIMIT_AS, &none);
    for (std::size_t size = 8192; size >= 16; size -= 16)
        while (auto* const taken = static_cast<volatile char*>(std::malloc(size)))
            *taken = 1;
}

} // namespace

TEST_CASE_METHOD(fixture, "libsnipass: out of memory, clients wait in the backlog") {
    const auto receiver = listen();
    const auto client = make_tcp_pair();
    const auto connection = hand_over(path, client.near.get());
    const pid_t child = fork();
    if (child == 0) {
        receiver->owner = getpid(); // there is no other, for a while
        use_up();
        const bool is_out = snipass_receive(receiver.get(), 0) == nullptr && errno == ENOMEM;
        _exit(is_out ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    CHECK(status == 0);
    CHECK(answer_of(connection) == answer::nothing);
    CHECK(receive(receiver));
}

#endif
