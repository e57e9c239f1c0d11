// SPDX-License-Identifier: BSL-1.0
// The targets of one backend.
#include "snipass/backends/target_list.hpp"

#include "snipass/base/source.hpp"

#include <boost/functional/hash.hpp>

#include <algorithm>
#include <utility>

namespace snipass::server {
namespace {

// splitmix64's last steps: the standard hashes are not mixed well enough to be compared with each other.
std::uint64_t mixed(std::uint64_t x) noexcept {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31);
}

std::uint64_t hash(const ip_address& address) noexcept {
    return mixed(boost::hash_range(address.bytes().begin(), address.bytes().end()));
}

std::uint64_t address_hash(const candidate& one) noexcept {
    if (!one.endpoint)
        return mixed(boost::hash_range(one.address->path.begin(), one.address->path.end()));
    return mixed(hash(one.endpoint->address) ^ one.endpoint->port);
}

// by_rank puts the lowest first. Each rank is asked for once: other workers may change it meanwhile.
void by_rank(std::vector<candidate>& candidates, const auto& rank) {
    std::vector<std::pair<std::uint64_t, candidate>> ranked;
    for (auto& one : candidates) {
        const std::uint64_t its = rank(one);
        ranked.emplace_back(its, std::move(one));
    }
    std::ranges::stable_sort(ranked, {}, &std::pair<std::uint64_t, candidate>::first);
    std::ranges::transform(ranked, candidates.begin(), [](auto& one) { return std::move(one.second); });
}

// put_ejected_last: they are still better than nothing. Returns how many come before them.
std::size_t put_ejected_last(std::vector<candidate>& order) {
    const auto ejected =
        std::ranges::stable_partition(order, [](const candidate& one) { return !one.state->ejected.load(); });
    return order.size() - ejected.size();
}

} // namespace

std::string name_of(const candidate& one) {
    return one.endpoint ? one.endpoint->to_string() : one.address->path;
}

void by_source(std::vector<candidate>& candidates, const ip_address& client) {
    const auto source = hash(source_of(client));
    by_rank(candidates, [source](const candidate& one) { return mixed(source ^ address_hash(one)); });
}

target_list::target_list(const config::backend_settings& settings, address_book& book)
    : settings_(settings), book_(book), drained_(settings, book) {
    for (std::size_t i = 0; i < written().size(); ++i) {
        const auto& address = written()[i];
        if (!address.host.empty() && !ip_address::parse(address.host))
            names_.push_back({i, nullptr});
    }
}

// What a client asks for is not in the list: forwarding.cpp finds it for each client.
std::span<const config::proxy_address> target_list::written() const noexcept {
    const auto* const relay = settings_.relay();
    return relay ? std::span{relay->addresses} : std::span<const config::proxy_address>{};
}

const std::vector<candidate>& target_list::all() {
    bool changed = !std::exchange(built_, true);
    for (auto& name : names_) {
        auto answer = book_.find(written()[name.address].host);
        if (!answer) // a reload has removed it: who is on its way still may go there
            continue;
        changed = changed || answer != name.answer;
        name.answer = std::move(answer);
    }
    if (changed)
        rebuild();
    return all_;
}

void target_list::rebuild() {
    std::vector<candidate> now;
    const auto add = [&](const config::proxy_address& address, std::optional<ip_endpoint> endpoint) {
        candidate one{&address, endpoint, nullptr};
        one.state = book_.at(settings_.name, name_of(one));
        now.push_back(std::move(one));
    };
    auto name = names_.begin();
    for (std::size_t i = 0; i < written().size(); ++i) {
        const auto& address = written()[i];
        if (name != names_.end() && name->address == i) {
            if (name->answer)
                for (const auto& found : *name->answer)
                    add(address, ip_endpoint{found, address.port});
            ++name;
        } else if (!address.path.empty()) {
            add(address, std::nullopt);
        } else {
            add(address, ip_endpoint{*ip_address::parse(address.host), address.port});
        }
    }
    all_ = std::move(now);
}

bool target_list::awaits_answer() {
    return all().empty() && std::ranges::any_of(names_, [this](const known_name& one) {
               return !book_.knows(written()[one.address].host);
           });
}

std::string target_list::why_missing() const {
    for (const auto& one : names_) {
        const auto& host = written()[one.address].host;
        if (book_.find(host))
            continue;
        const auto why = book_.why_unknown(host);
        return host + ": " + (why.empty() ? "there is no answer of the resolver so far" : why);
    }
    return {};
}

std::vector<candidate> target_list::in_order(const ip_address& client) {
    auto order = all();
    std::erase_if(order, [this](const candidate& one) { return is_drained(one); });
    const auto* const relay = settings_.relay();
    switch (relay ? relay->balance : config::balance::order) {
    case config::balance::order:
        break;
    case config::balance::round_robin:
        begin_with_next(order);
        break;
    case config::balance::least_sessions:
        begin_with_next(order); // among equals
        by_rank(order, [](const candidate& one) { return one.state->sessions.load(); });
        break;
    case config::balance::source_hash:
        by_source(order, client);
        break;
    }
    (void)put_ejected_last(order);
    return order;
}

// begin_with_next: in turn, without those that are ejected, whose turn would always be their neighbour's.
void target_list::begin_with_next(std::vector<candidate>& order) {
    const auto usable = put_ejected_last(order);
    const auto turns = usable > 0 ? usable : order.size();
    if (turns == 0)
        return;
    const auto begin = order.begin();
    std::ranges::rotate(begin, begin + static_cast<std::ptrdiff_t>(turn_++ % turns),
                        begin + static_cast<std::ptrdiff_t>(turns));
}

} // namespace snipass::server
