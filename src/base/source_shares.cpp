// SPDX-License-Identifier: BSL-1.0
// Who has how much of what strangers share.
#include "snipass/base/source_shares.hpp"

#include <algorithm>
#include <span>

namespace snipass {
namespace {

struct level {
    unsigned length;
    std::size_t cost;
};

constexpr std::size_t full_cost = 16; // a network has full_cost / cost shares
constexpr std::array v4_levels{level{32, full_cost}};
constexpr std::array v6_levels{level{64, full_cost}, level{56, full_cost / 4}, level{48, full_cost / 16}};

std::span<const level> levels_of(const ip_address& source) noexcept {
    return source.is_v4() ? std::span<const level>{v4_levels} : v6_levels;
}

} // namespace

std::size_t source_shares::hash::operator()(const ip_prefix& one) const noexcept {
    auto seed = std::size_t{one.length()};
    boost::hash_combine(seed, boost::hash_range(one.address().bytes().begin(), one.address().bytes().end()));
    return seed;
}

source_shares::place* source_shares::enter(place& one, const ip_address& source) {
    const auto levels = levels_of(source);
    std::array<network*, v6_levels.size()> networks{};
    for (std::size_t i = 0; i < levels.size(); ++i) {
        const ip_prefix prefix{source, levels[i].length};
        networks[i] = &networks_.try_emplace(prefix, prefix, levels[i].cost).first->second;
    }
    for (std::size_t i = 0; i < levels.size(); ++i) {
        one.memberships_[i].of = &one;
        join(one.memberships_[i], *networks[i]);
    }
    one.in_ = this;
    ++size_;
    if (size_ <= limit_)
        return nullptr;
    // Of sources that are equally large, the newcomer's has the newest place.
    const bool is_largest = std::ranges::any_of(one.memberships_, [&](const auto& mine) {
        return mine.in != nullptr && mine.in->load() == by_load_.rbegin()->load();
    });
    auto* const gone = is_largest ? &one : newest_of_largest();
    gone->leave();
    return gone;
}

void source_shares::place::leave() noexcept {
    if (in_ == nullptr)
        return;
    for (auto& one : memberships_)
        if (one.in != nullptr)
            in_->part(one);
    --in_->size_;
    in_ = nullptr;
}

void source_shares::join(place::membership& one, network& to) noexcept {
    if (to.is_linked())
        by_load_.erase(by_load_.iterator_to(to));
    to.members.push_back(one);
    by_load_.insert(to);
    one.in = &to;
}

void source_shares::part(place::membership& one) noexcept {
    auto& from = *one.in;
    one.in = nullptr;
    by_load_.erase(by_load_.iterator_to(from));
    from.members.erase(from.members.iterator_to(one));
    if (from.members.empty())
        networks_.erase(networks_.find(from.prefix));
    else
        by_load_.insert(from);
}

std::size_t source_shares::places_of(const ip_address& source) const {
    std::size_t most = 0;
    for (const auto& one : levels_of(source))
        if (const auto found = networks_.find(ip_prefix{source, one.length}); found != networks_.end())
            most = std::max(most, found->second.load());
    return (most + full_cost - 1) / full_cost;
}

source_shares::place* source_shares::newest_of_largest() noexcept {
    return by_load_.empty() ? nullptr : by_load_.rbegin()->members.back().of;
}

} // namespace snipass
