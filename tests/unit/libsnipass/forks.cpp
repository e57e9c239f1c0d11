// SPDX-License-Identifier: BSL-1.0
// libsnipass: a server that forks.
#include "at_each_poll.hpp"
#include "receiver_fixture.hpp"

#include <atomic>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <fstream>
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

TEST_CASE_METHOD(fixture, "libsnipass: a fork that frees its copy leaves the parent's clients as they are") {
    const auto receiver = listen();
    auto client = make_tcp_pair();
    auto connection = connect_unix(path);
    send_with(connection, example_header(), std::array{client.near.get()});
    auto silent = connect_unix(path);
    CHECK(takes_nothing(receiver)); // acknowledged, not let go yet
    int pipe[2];
    REQUIRE(pipe2(pipe, O_CLOEXEC) == 0);
    const test_fd served{pipe[0]};
    test_fd tell{pipe[1]};
    const pid_t child = fork();
    if (child == 0) {
        alarm(20);
        tell.reset();
        connection.reset();
        client.near.reset();
        char byte = 0;
        (void)!read(served.get(), &byte, 1);
        const int own = snipass_receiver_fd(receiver.get());
        snipass_receiver_free(receiver.get());
        _exit(fcntl(own, F_GETFD) == -1 ? 0 : 1);
    }
    connection.reset();
    client.near.reset();
    const auto taken = receive(receiver, 5000);
    REQUIRE(taken);
    const int flags = GENERATE(0, O_NONBLOCK); // what the parent's server wants
    REQUIRE(fcntl(snipass_client_fd(taken.get()), F_SETFL, flags) == 0);
    tell.reset();
    int status = -1;
    waitpid(child, &status, 0);
    CHECK(status == 0);
    CHECK((fcntl(snipass_client_fd(taken.get()), F_GETFL) & O_NONBLOCK) == flags);
    REQUIRE(send(client.far.get(), "x", 1, 0) == 1);
    CHECK(is_readable(snipass_client_fd(taken.get()), 5000));
    // The registrations, too: the parent still hears of the other one.
    send_with(silent, example_header(), std::array{snipass_client_fd(taken.get())});
    shutdown(silent.get(), SHUT_WR);
    CHECK(receive(receiver, 5000));
}

namespace {

constexpr int workers = 8, herd_clients = 100;

test_fd listener_at(const std::string& path) {
    const auto address = unix_address(path);
    test_fd listener{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    REQUIRE(bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(listener.get(), 1024) == 0);
    return listener;
}

// take_one_in_fork: a child that serves its first client for ever, and says that it has one. Its routers let
// go of what was acknowledged while it waits for that, and only then.
pid_t take_one_in_fork(int listener, const std::vector<test_fd>& routers, const test_fd& say) {
    const pid_t child = fork();
    if (child != 0)
        return child;
    alarm(60);
    const snipass::testing::at_each_poll let_go{[&routers] {
        for (const auto& router : routers)
            if (answer_of(router) == answer::ack)
                shutdown(router.get(), SHUT_WR);
    }};
    auto* own = snipass_adopt(dup(listener), nullptr);
    if (own == nullptr || snipass_receive(own, -1) == nullptr || write(say.get(), "x", 1) != 1)
        _exit(1);
    for (;;)
        pause();
}

pid_t take_in_fork(int listener) {
    const pid_t child = fork();
    if (child != 0)
        return child;
    alarm(60);
    auto* own = snipass_adopt(dup(listener), nullptr);
    while (own != nullptr)
        snipass_client_free(snipass_receive(own, -1));
    _exit(1);
}

// slept: how often a process gave its place up of its own accord.
long slept(pid_t process) {
    std::ifstream status("/proc/" + std::to_string(process) + "/status");
    for (std::string line; std::getline(status, line);)
        if (line.rfind("voluntary_ctxt_switches:", 0) == 0)
            return std::stol(line.substr(line.find(':') + 1));
    FAIL("no such process");
    return 0;
}

long slept(const std::vector<pid_t>& processes) {
    long sum = 0;
    for (const pid_t process : processes)
        sum += slept(process);
    return sum;
}

} // namespace

TEST_CASE_METHOD(fixture, "libsnipass: a client wakes one of the processes that wait, not all of them") {
    const auto listener = listener_at(path);
    const auto client = make_tcp_pair();
    std::vector<pid_t> processes;
    for (int i = 0; i < workers; ++i)
        processes.push_back(take_in_fork(listener.get()));
    std::this_thread::sleep_for(std::chrono::milliseconds{100});
    const auto before = slept(processes);
    for (int i = 0; i < herd_clients; ++i) {
        const auto connection = hand_over(path, client.near.get());
        char byte = 0;
        CHECK(recv(connection.get(), &byte, 1, 0) == 1);
        std::this_thread::sleep_for(std::chrono::milliseconds{2}); // so that they sleep again
    }
    const auto woken = slept(processes) - before;
    for (const pid_t process : processes) {
        kill(process, SIGKILL);
        waitpid(process, nullptr, 0);
    }
    CHECK(woken < herd_clients * workers / 2);
}

TEST_CASE_METHOD(fixture,
                 "libsnipass: a process that shares its listener takes no client before it has returned "
                 "the one it acknowledged") {
    const auto listener = listener_at(path);
    const auto client = make_tcp_pair();
    std::vector<test_fd> routers; // all of them have come before the first child looks
    for (int i = 0; i < workers; ++i) {
        routers.push_back(connect_unix(path));
        send_with(routers.back(), example_header(), std::array{client.near.get()});
    }
    int pipe[2];
    REQUIRE(pipe2(pipe, O_CLOEXEC) == 0);
    const test_fd told{pipe[0]};
    const test_fd say{pipe[1]};
    std::vector<pid_t> processes;
    int served = 0;
    for (int i = 0; i < workers && served == i; ++i) {
        processes.push_back(take_one_in_fork(listener.get(), routers, say));
        char byte = 0;
        if (is_readable(told.get(), 20'000) && read(told.get(), &byte, 1) == 1)
            ++served;
    }
    for (const pid_t process : processes) {
        kill(process, SIGKILL);
        waitpid(process, nullptr, 0);
    }
    CHECK(served == workers);
}
