// SPDX-License-Identifier: BSL-1.0
// What is counted of each listener, backend and route.
#include "snipass/telling/tally.hpp"

#include <algorithm>
#include <atomic>
#include <unordered_map>
#include <utility>

namespace snipass::server {
namespace {

void add(const outcome_counters& from, outcome_totals& to) {
    for (std::size_t i = 0; i < outcome_count; ++i)
        to[i] += from[i].value();
}

void add(const outcome_totals& from, outcome_totals& to) {
    for (std::size_t i = 0; i < outcome_count; ++i)
        to[i] += from[i];
}

// each_place calls add(index before, index now) for those that are still there.
void each_place(const std::vector<std::size_t>& places, std::size_t nowhere, const auto& add_one) {
    for (std::size_t i = 0; i < places.size(); ++i)
        if (places[i] != nowhere)
            add_one(i, places[i]);
}

} // namespace

tally::tally(const config::configuration& configuration)
    : listeners(configuration.listeners.size()), backends(configuration.backends.size()),
      routes(configuration.metrics->route_names.size()) {}

std::vector<std::shared_ptr<tally>> ledger::begin(const config::configuration& configuration,
                                                  unsigned workers) {
    std::vector<std::shared_ptr<tally>> made(workers);
    if (!configuration.metrics) {
        *this = {};
        return made;
    }
    auto before = std::exchange(now_, {});
    for (const auto& one : configuration.listeners)
        now_.listeners.push_back(one.address);
    for (const auto& one : configuration.backends)
        now_.backends.push_back(one.name);
    now_.routes = configuration.metrics->route_names;

    auto carried = std::exchange(carried_, zeros(now_));
    add(carried, places_of(before, now_), carried_);
    for (auto& one : generations_)
        one.at = places_of(one.named, now_);
    for (auto& one : made)
        one = std::make_shared<tally>(configuration);
    generations_.push_back({now_, places_of(now_, now_), made});
    return made;
}

tally_totals ledger::totals() {
    const auto* const newest = generations_.empty() ? nullptr : &generations_.back();
    const auto is_over = [newest](const generation& one) {
        return &one != newest &&
               std::ranges::all_of(one.tallies, [](const auto& each) { return each.use_count() == 1; });
    };
    std::vector<generation> alive;
    for (auto& one : generations_) {
        if (!is_over(one)) {
            alive.push_back(std::move(one));
            continue;
        }
        std::atomic_thread_fence(std::memory_order_acquire); // the last session's numbers came with its end
        for (const auto& each : one.tallies)
            add(*each, one.at, carried_);
    }
    generations_ = std::move(alive);
    auto sum = carried_;
    for (const auto& one : generations_)
        for (const auto& each : one.tallies)
            add(*each, one.at, sum);
    return sum;
}

namespace {

constexpr auto to_backend = "to_backend";
constexpr auto to_client = "to_client";
constexpr auto sessions = "sessions";

} // namespace

void ledger::add_to(upgrade::counters& next) {
    const auto all = totals();
    for (std::size_t i = 0; i < all.listeners.size(); ++i)
        next.listeners.push_back({now_.listeners[i], to_moved(all.listeners[i])});
    for (std::size_t i = 0; i < all.backends.size(); ++i) {
        const auto& one = all.backends[i];
        auto& made = next.backends.emplace_back(upgrade::counted{now_.backends[i], to_moved(one.outcomes)});
        made.counts.push_back({to_backend, one.to_backend});
        made.counts.push_back({to_client, one.to_client});
    }
    for (std::size_t i = 0; i < all.routes.size(); ++i)
        next.routes.push_back({now_.routes[i], {{sessions, all.routes[i]}}});
}

void ledger::begin_with(const upgrade::counters& before) {
    for (const auto& one : before.listeners) {
        now_.listeners.push_back(one.name);
        carried_.listeners.push_back(from_moved(one.counts));
    }
    for (const auto& one : before.backends) {
        now_.backends.push_back(one.name);
        carried_.backends.push_back(
            {from_moved(one.counts), value_of(one.counts, to_backend), value_of(one.counts, to_client)});
    }
    for (const auto& one : before.routes) {
        now_.routes.push_back(one.name);
        carried_.routes.push_back(value_of(one.counts, sessions));
    }
}

std::vector<std::size_t> ledger::places_of(const std::vector<std::string>& old,
                                           const std::vector<std::string>& now) {
    std::unordered_map<std::string_view, std::size_t> index;
    for (std::size_t i = 0; i < now.size(); ++i)
        index.emplace(now[i], i);
    std::vector<std::size_t> places;
    places.reserve(old.size());
    for (const auto& name : old) {
        const auto found = index.find(name);
        places.push_back(found == index.end() ? nowhere : found->second);
    }
    return places;
}

ledger::places ledger::places_of(const names& old, const names& now) {
    return {places_of(old.listeners, now.listeners), places_of(old.backends, now.backends),
            places_of(old.routes, now.routes)};
}

void ledger::add(const tally& one, const places& at, tally_totals& to) {
    each_place(at.listeners, nowhere, [&](std::size_t before, std::size_t now) {
        server::add(one.listeners[before], to.listeners[now]);
    });
    each_place(at.backends, nowhere, [&](std::size_t before, std::size_t now) {
        server::add(one.backends[before].outcomes, to.backends[now].outcomes);
        to.backends[now].to_backend += one.backends[before].relayed.to_backend.value();
        to.backends[now].to_client += one.backends[before].relayed.to_client.value();
    });
    each_place(at.routes, nowhere,
               [&](std::size_t before, std::size_t now) { to.routes[now] += one.routes[before].value(); });
}

void ledger::add(const tally_totals& from, const places& at, tally_totals& to) {
    each_place(at.listeners, nowhere, [&](std::size_t before, std::size_t now) {
        server::add(from.listeners[before], to.listeners[now]);
    });
    each_place(at.backends, nowhere, [&](std::size_t before, std::size_t now) {
        server::add(from.backends[before].outcomes, to.backends[now].outcomes);
        to.backends[now].to_backend += from.backends[before].to_backend;
        to.backends[now].to_client += from.backends[before].to_client;
    });
    each_place(at.routes, nowhere,
               [&](std::size_t before, std::size_t now) { to.routes[now] += from.routes[before]; });
}

tally_totals ledger::zeros(const names& of) {
    tally_totals made;
    made.listeners.resize(of.listeners.size());
    made.backends.resize(of.backends.size());
    made.routes.resize(of.routes.size());
    return made;
}

} // namespace snipass::server
