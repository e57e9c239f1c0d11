// SPDX-License-Identifier: BSL-1.0
// What is known of addresses and backends, on its way from one process to the next: nobody has to find it out
// anew by lookups, probes, and clients that wait for an address that is away.
#include "snipass/backends/address_book.hpp"

#include "snipass/net/moved_time.hpp"

#include <set>
#include <string_view>

namespace snipass::server {
namespace {

using std::chrono::milliseconds;

// Zero is no time.
upgrade::time to_moved_or_none(net::time_point when) {
    return when == net::time_point{} ? 0 : net::to_moved(when);
}

upgrade::known_address to_moved(const std::string& backend, const std::string& where, const target& one) {
    return {backend, where, one.failures, one.ejected,
            static_cast<std::uint32_t>(one.too_slow_for.load().count())};
}

void take(target& to, const upgrade::known_address& from) {
    to.failures = from.failures;
    to.ejected = from.is_ejected;
    to.too_slow_for = milliseconds{from.too_slow_for};
}

std::set<std::string_view> hosts_in(const config::configuration& now) {
    std::set<std::string_view> all;
    for (const auto& backend : now.backends)
        if (const auto* const relay = backend.relay())
            for (const auto& one : relay->addresses)
                all.insert(one.host);
    return all;
}

} // namespace

void address_book::add_to(upgrade::state& next) const {
    const std::lock_guard lock{mutex_};
    for (const auto& [host, one] : names_)
        if (one.answer)
            next.names.push_back({host, *one.answer, net::to_moved(one.at)});
    targets_.for_each([&](const auto& key, const target& one) {
        if (one.failures > 0 || one.ejected || one.too_slow_for.load() > milliseconds{})
            next.addresses.push_back(to_moved(key.first, key.second, one));
    });
    presences_.for_each([&](const std::string& called, const presence& one) {
        next.backends.push_back(
            {called, one.is_away(), one.is_told(), one.ejections, to_moved_or_none(one.checked)});
    });
    next.counters.of_all.push_back({"failed_lookups", failed_lookups});
}

void address_book::begin_with(const upgrade::state& before, const config::configuration& now) {
    const auto hosts = hosts_in(now);
    for (const auto& one : before.names)
        if (hosts.contains(one.host) && !one.addresses.empty()) {
            auto answer = std::make_shared<const std::vector<ip_address>>(one.addresses);
            const std::lock_guard lock{mutex_};
            names_[one.host] = {std::move(answer), {}, net::from_moved(one.at)};
        }
    for (const auto& one : before.backends) {
        auto its = presence_of(one.name);
        its->begin_with(one.is_away, one.is_told);
        its->ejections = one.ejections;
        its->checked = one.checked > 0 ? net::from_moved(one.checked) : net::time_point{};
        before_.push_back(std::move(its));
    }
    for (const auto& one : before.addresses) {
        auto its = at(one.backend, one.where);
        take(*its, one);
        before_.push_back(std::move(its));
    }
    for (const auto& [called, value] : before.counters.of_all)
        if (called == "failed_lookups")
            failed_lookups = value;
}

} // namespace snipass::server
