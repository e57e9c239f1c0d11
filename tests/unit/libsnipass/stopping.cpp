// SPDX-License-Identifier: BSL-1.0
// libsnipass: what becomes of whom when a receiver stops.
#include "receiver_fixture.hpp"

#include <array>
#include <atomic>
#include <thread>
#include <vector>

using namespace handoff_test;

TEST_CASE_METHOD(fixture, "libsnipass: after stop, the datagrams in the queue are served, and no more come") {
    options.protocol = SNIPASS_DATAGRAM;
    const auto receiver = listen();
    const auto client = make_tcp_pair();
    const auto sender = connect_unix(path, SOCK_DGRAM);
    for (std::size_t i = 1; i <= 3; ++i)
        send_with(sender, byte_string(i), std::array{client.near.get()});
    snipass_stop(receiver.get());
    CHECK(send_with(sender, byte_string(4), std::array{client.near.get()}) == -1);
    CHECK(errno == EPIPE); // the router's still
    for (std::size_t i = 1; i <= 3; ++i) {
        CHECK(is_readable(snipass_receiver_fd(receiver.get())));
        const auto taken = receive(receiver, -1);
        REQUIRE(taken);
        std::size_t size = 0;
        (void)snipass_client_consumed(taken.get(), &size);
        CHECK(size == i);
    }
    CHECK_FALSE(receive(receiver, -1));
    CHECK(errno == ESHUTDOWN);
    CHECK_THROWS(connect_unix(path, SOCK_DGRAM));
    CHECK(is_readable(snipass_receiver_fd(receiver.get()), 5000)); // whoever else waits is told, too
    CHECK_FALSE(receive(receiver));
    CHECK(errno == ESHUTDOWN);
}

TEST_CASE_METHOD(fixture, "libsnipass: stop wakes threads that wait for datagrams") {
    options.protocol = SNIPASS_DATAGRAM;
    const auto receiver = listen();
    std::atomic<int> woken = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i)
        threads.emplace_back([&] { woken += !receive(receiver, -1) && errno == ESHUTDOWN; });
    snipass_stop(receiver.get());
    for (auto& thread : threads)
        thread.join();
    CHECK(woken == 3);
}

TEST_CASE_METHOD(fixture,
                 "libsnipass: stop leaves an adopted datagram socket's queue to whoever has it, too") {
    options.protocol = SNIPASS_DATAGRAM;
    const auto address = unix_address(path);
    const test_fd systemds{socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    REQUIRE(bind(systemds.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    const receiver_ptr first{snipass_adopt(dup(systemds.get()), &options), snipass_receiver_free};
    REQUIRE(first);
    const auto client = make_tcp_pair();
    const auto sender = connect_unix(path, SOCK_DGRAM);
    send_with(sender, byte_string(5), std::array{client.near.get()});
    snipass_stop(first.get());
    CHECK_FALSE(receive(first, -1));
    CHECK(errno == ESHUTDOWN);
    send_with(sender, byte_string(6), std::array{client.near.get()});
    const receiver_ptr next{snipass_adopt(dup(systemds.get()), &options), snipass_receiver_free};
    CHECK(receive(next));
    CHECK(receive(next));
}

TEST_CASE_METHOD(fixture,
                 "libsnipass: after stop, whoever waits is told at once when the last handoff ends") {
    options.patience_ms = 600'000;
    const auto receiver = listen();
    const auto client = make_tcp_pair();
    auto silent = connect_unix(path);
    CHECK(takes_nothing(receiver));
    auto last = connect_unix(path);
    send_with(last, example_header(), std::array{client.near.get()});
    CHECK(takes_nothing(receiver)); // acknowledged
    snipass_stop(receiver.get());
    REQUIRE(is_readable(snipass_receiver_fd(receiver.get()), 10'000)); // that it was stopped
    REQUIRE(takes_nothing(receiver));
    REQUIRE_FALSE(is_readable(snipass_receiver_fd(receiver.get())));
    SECTION("it was a client") {
        silent.reset();
        CHECK(takes_nothing(receiver));
        last.reset();
        CHECK(receive(receiver));
    }
    SECTION("it was none") {
        last.reset();
        CHECK(receive(receiver));
        silent.reset();
    }
    // An event loop comes back when the descriptor is readable.
    CHECK(is_readable(snipass_receiver_fd(receiver.get()), 10'000));
    while (!receive(receiver) && errno != ESHUTDOWN)
        REQUIRE(is_readable(snipass_receiver_fd(receiver.get()), 10'000));
}
