// SPDX-License-Identifier: BSL-1.0
// libsnipass: several threads that wait for clients.
#include "descriptor_limit.hpp"
#include "receiver_fixture.hpp"

#include <atomic>
#include <pthread.h>
#include <sys/resource.h>
#include <thread>
#include <vector>

using namespace handoff_test;

namespace {

long context_switches() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_nvcsw;
}

} // namespace

TEST_CASE_METHOD(fixture, "libsnipass: a client wakes one of the threads that wait, not all of them") {
    const auto receiver = listen();
    const auto client = make_tcp_pair();
    constexpr int thread_count = 64, clients = 50;
    std::atomic<int> taken = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < thread_count; ++i)
        threads.emplace_back([&, i] {
            // With and without an end: they wait by different calls.
            while (receive(receiver, i % 2 == 0 ? -1 : 60'000))
                taken.fetch_add(1);
        });
    const auto before = context_switches();
    for (int i = 1; i <= clients; ++i) {
        const auto connection = hand_over(path, client.near.get());
        while (taken.load() < i)
            std::this_thread::yield();
    }
    const auto switches = context_switches() - before;
    snipass_stop(receiver.get());
    for (auto& thread : threads)
        thread.join();
    CHECK(taken == clients);
    CHECK(switches < clients * thread_count / 4);
}

TEST_CASE_METHOD(fixture, "libsnipass: a thread whose time is over leaves its place to the next") {
    const auto receiver = listen();
    const auto client = make_tcp_pair();
    std::atomic<int> taken = 0;
    std::vector<std::thread> threads;
    for (const int patience : {20, 20, 20, -1, -1})
        threads.emplace_back([&, patience] { taken += receive(receiver, patience) != nullptr; });
    for (int i = 0; i < 3; ++i)
        threads[static_cast<std::size_t>(i)].join();
    std::vector<test_fd> connections;
    for (int i = 0; i < 2; ++i)
        connections.push_back(hand_over(path, client.near.get()));
    threads[3].join();
    threads[4].join();
    CHECK(taken == 2);
}

TEST_CASE_METHOD(fixture, "libsnipass: who may not have a single descriptor goes on waiting") {
    const auto receiver = listen();
    const auto patience = GENERATE(0, 20);
    snipass::testing::descriptor_limit none{0};
    const auto taken = receive(receiver, patience);
    const int error = errno;
    none.lift();
    CHECK_FALSE(taken);
    CHECK(error == EAGAIN);
}

TEST_CASE_METHOD(fixture, "libsnipass: a thread that is cancelled leaves its place to the next") {
    const auto receiver = listen();
    const auto client = make_tcp_pair();
    const auto wait_for_ever = [](void* of) -> void* {
        snipass_client_free(snipass_receive(static_cast<snipass_receiver*>(of), -1));
        return nullptr;
    };
    pthread_t threads[4];
    for (auto& thread : threads)
        REQUIRE(pthread_create(&thread, nullptr, wait_for_ever, receiver.get()) == 0);
    for (int i = 0; i < 3; ++i) {
        pthread_cancel(threads[i]);
        pthread_join(threads[i], nullptr);
    }
    const auto connection = hand_over(path, client.near.get());
    CHECK(pthread_join(threads[3], nullptr) == 0);
}
