// SPDX-License-Identifier: BSL-1.0
// Who has how much of what strangers share.
#include "snipass/base/source_shares.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace snipass {
namespace {

constexpr std::size_t full_cost = 16; // a network has full_cost / cost shares

std::size_t cost_in(const source_level& one) noexcept {
    return full_cost / one.shares;
}

std::size_t places_in(std::size_t load) noexcept {
    return (load + full_cost - 1) / full_cost;
}

} // namespace

source_shares::place* source_shares::enter(place& one, const ip_address& source, std::size_t beyond) {
    one.in_ = this;
    one.source_ = source;
    not_counted_.push_back(one);
    ++size_;
    if (size_ <= limit_ / 2)
        return nullptr;
    count_all();
    if (size_ <= limit_ || size_ - limit_ <= beyond)
        return nullptr;
    // Of sources that are equally large, the newcomer's has the newest place.
    auto* const its_own = as_large_as_any(one);
    auto* const gone = (its_own != nullptr ? *its_own : *by_load_.rbegin()).next_to_go();
    gone->leave();
    return gone;
}

void source_shares::place::leave() noexcept {
    if (in_ == nullptr)
        return;
    if (in_not_counted_.is_linked())
        in_->not_counted_.erase(in_->not_counted_.iterator_to(*this));
    else
        for (auto& one : in_->memberships_of(*this))
            in_->part(one);
    memberships_.reset();
    --in_->size_;
    in_ = nullptr;
}

void source_shares::place::go_first() {
    if (in_ == nullptr)
        return;
    in_->count_all();
    for (auto& one : memberships_of(*this)) {
        auto& others = *one.in;
        auto& first = others.of.go_first;
        if (&first == &others)
            return;
        others.all.erase(others.all.iterator_to(one));
        first.all.push_back(one);
        one.in = &first;
    }
}

void source_shares::count_all() {
    while (!not_counted_.empty())
        count(not_counted_.front());
}

void source_shares::count(place& one) {
    const auto levels = source_levels(one.source_);
    std::array<network*, most_source_levels> networks{};
    for (std::size_t i = 0; i < levels.size(); ++i) {
        const ip_prefix prefix{one.source_, levels[i].length};
        networks[i] = &networks_.try_emplace(prefix, prefix, cost_in(levels[i])).first->second;
    }
    one.memberships_ = std::make_unique<place::membership[]>(levels.size());
    not_counted_.erase(not_counted_.iterator_to(one));
    for (std::size_t i = 0; i < levels.size(); ++i) {
        one.memberships_[i].of = &one;
        join(one.memberships_[i], *networks[i]);
    }
}

std::span<source_shares::place::membership> source_shares::memberships_of(const place& one) noexcept {
    return {one.memberships_.get(), one.memberships_ ? source_levels(one.source_).size() : 0};
}

void source_shares::join(place::membership& one, network& to) noexcept {
    if (to.is_linked())
        by_load_.erase(by_load_.iterator_to(to));
    to.others.all.push_back(one);
    by_load_.insert(to);
    one.in = &to.others;
}

void source_shares::part(place::membership& one) noexcept {
    auto& mine = *std::exchange(one.in, nullptr);
    auto& from = mine.of;
    by_load_.erase(by_load_.iterator_to(from));
    mine.all.erase(mine.all.iterator_to(one));
    if (from.size() == 0)
        networks_.erase(networks_.find(from.prefix));
    else
        by_load_.insert(from);
}

source_shares::network* source_shares::largest_of(const ip_address& source) {
    count_all();
    network* largest = nullptr;
    for (const auto& one : source_levels(source)) {
        const auto found = networks_.find(ip_prefix{source, one.length});
        if (found != networks_.end() && (largest == nullptr || *largest < found->second))
            largest = &found->second;
    }
    return largest;
}

bool source_shares::has_room_for(const ip_address& source) {
    if (size_ < limit_)
        return true;
    count_all();
    if (by_load_.empty())
        return false;
    return std::ranges::all_of(source_levels(source), [&](const source_level& one) {
        return load_of({source, one.length}) + cost_in(one) < by_load_.rbegin()->load();
    });
}

std::size_t source_shares::load_of(const ip_prefix& prefix) const {
    const auto found = networks_.find(prefix);
    return found == networks_.end() ? 0 : found->second.load();
}

std::size_t source_shares::places_with_one_more(const ip_address& source) {
    count_all();
    std::size_t most = 0;
    for (const auto& one : source_levels(source))
        most = std::max(most, load_of({source, one.length}) + cost_in(one));
    return places_in(most);
}

std::size_t source_shares::places_of(const ip_address& source) {
    const auto* const largest = largest_of(source);
    return largest == nullptr ? 0 : places_in(largest->load());
}

std::size_t source_shares::places_of_largest() {
    count_all();
    return by_load_.empty() ? 0 : places_in(by_load_.rbegin()->load());
}

source_shares::place* source_shares::next_to_go() {
    count_all();
    return by_load_.empty() ? nullptr : by_load_.rbegin()->next_to_go();
}

source_shares::place* source_shares::oldest_of(const ip_address& source) {
    auto* const largest = largest_of(source);
    return largest == nullptr ? nullptr : largest->oldest();
}

source_shares::place* source_shares::oldest_of_largest() {
    count_all();
    return by_load_.empty() ? nullptr : by_load_.lower_bound(*by_load_.rbegin())->oldest();
}

// as_large_as_any: null: each of its networks is smaller than the largest.
source_shares::network* source_shares::as_large_as_any(const place& one) noexcept {
    for (const auto& mine : memberships_of(one))
        if (mine.in->of.load() == by_load_.rbegin()->load())
            return &mine.in->of;
    return nullptr;
}

} // namespace snipass
