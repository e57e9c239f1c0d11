// libsnipass: a server that forks.
#include "receiver_fixture.hpp"

#include <atomic>
#include <chrono>
#include <sys/wait.h>
#include <thread>
#include <vector>

extern "C" {
#include "../../../src/libsnipass/receiver.h"
}

using namespace handoff_test;

namespace {

// ends_well: a child that frees its copy of a receiver comes to its end.
bool ends_well(snipass_receiver* parents) {
    const pid_t child = fork();
    if (child == 0) {
        alarm(20);
        snipass_receiver_free(parents);
        _exit(0);
    }
    int status = -1;
    waitpid(child, &status, 0);
    return status == 0;
}

} // namespace

TEST_CASE_METHOD(fixture, "libsnipass: a fork frees its copy, also of a receiver for which threads wait") {
    const auto receiver = listen();
    const auto client = make_tcp_pair();
    std::atomic<int> taken = 0;
    std::vector<std::thread> threads;
    for (const int patience : {-1, -1, 60'000, 60'000})
        threads.emplace_back([&, patience] {
            while (receive(receiver, patience))
                taken.fetch_add(1);
        });
    std::this_thread::sleep_for(std::chrono::milliseconds{100}); // time to get there
    CHECK(ends_well(receiver.get()));
    const auto connection = hand_over(path, client.near.get()); // and the parent's goes on
    while (taken == 0)
        std::this_thread::yield();
    snipass_stop(receiver.get());
    for (auto& thread : threads)
        thread.join();
    CHECK(taken == 1);
}

TEST_CASE_METHOD(fixture, "libsnipass: a fork does not touch what another thread was changing") {
    const auto receiver = listen();
    const auto under_way = connect_unix(path);
    CHECK(takes_nothing(receiver));
    pthread_mutex_lock(&receiver->mutex);
    auto* const whole = std::exchange(receiver->oldest, reinterpret_cast<pending*>(1)); // half-way
    CHECK(ends_well(receiver.get()));
    receiver->oldest = whole;
    pthread_mutex_unlock(&receiver->mutex);
    CHECK(takes_nothing(receiver));
}
