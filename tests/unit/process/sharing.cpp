// SPDX-License-Identifier: BSL-1.0
// Several workers, one socket.
#include "catch.hpp"
#include "router.hpp"
#include "same_descriptors.hpp"
#include "snipass/process/listener_opener.hpp"
#include "snipass/process/worker.hpp"

#include <array>
#include <thread>

using namespace snipass;
using namespace snipass::testing;

TEST_CASE("workers share the clients of one socket, a few in a row to each") {
    const same_descriptors check;
    constexpr unsigned workers = 2;
    constexpr std::uint64_t clients = 64;
    site what;
    what.listener().endpoint = ip_endpoint::parse("127.0.0.1:0");
    const auto configuration = what.build();
    server::address_book book;
    server::log log{configuration->log};
    auto opened = server::listener_opener{os::passed_sockets{}}.open(configuration->listeners, workers);
    REQUIRE(opened.problems.empty());
    const auto address = *ip_endpoint::parse(opened.bound_addresses[0].address);
    std::array<std::unique_ptr<server::worker>, workers> all;
    std::array<std::jthread, workers> threads;
    for (unsigned i = 0; i < workers; ++i) {
        all[i] = std::make_unique<server::worker>(
            server::descriptor_budget{.workers = workers, .for_clients = 1'000}, book, log);
        all[i]->apply(configuration, std::move(opened.by_worker[i]));
        threads[i] = std::jthread{[&worker = *all[i]] { worker.run(); }};
    }
    const auto accepted = [&] {
        return all[0]->counters().accepted.value() + all[1]->counters().accepted.value();
    };

    for (const auto& one : all) // both wait: a thread that has not begun to is not woken
        while (one->turns() % 2 != 0)
            std::this_thread::yield();
    std::vector<tcp_client> silent; // they stay, and cost their worker no time
    while (silent.size() < clients) {
        silent.emplace_back(address).send("\x16");
        while (accepted() < silent.size())
            std::this_thread::yield();
    }
    for (const auto& one : all)
        CHECK(one->counters().accepted.value() >= 1); // how many is the scheduler's choice
    for (const auto& one : all)
        one->stop();
}
