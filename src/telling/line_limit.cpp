// SPDX-License-Identifier: BSL-1.0
// How many lines a second one source can cause.
#include "snipass/telling/line_limit.hpp"

#include <array>
#include <utility>

namespace snipass::server {

using namespace std::chrono_literals;

line_limit::count& line_limit::count_of(const ip_prefix& network) {
    const auto found = counts_.find(network);
    if (found != counts_.end())
        return found->second;
    return counts_.size() < max_places ? counts_[network] : others_;
}

// The widest network is asked first: one that has had its lines takes no place for the next of its addresses.
bool line_limit::may_write(const ip_address& client) {
    if (counts_.empty())
        loop_.arm(*this, net::clock::now() + 1s);
    const auto levels = source_levels(client);
    std::array<count*, most_source_levels> mine{};
    for (std::size_t i = levels.size(); i-- > 0;) {
        auto& one = count_of({client, levels[i].length});
        const auto most = &one == &others_ ? most_ : most_ * levels[i].shares;
        if (one.lines >= most) {
            ++one.left_out;
            return false;
        }
        mine[i] = &one;
        if (&one == &others_)
            break;
    }
    for (auto* const one : mine)
        if (one != nullptr)
            ++one->lines;
    return true;
}

void line_limit::tell_now() {
    disarm();
    const auto ended = std::exchange(counts_, {}); // telling may write lines
    const auto others = std::exchange(others_, {});
    for (const auto& [source, counted] : ended)
        if (counted.left_out > 0)
            tell_(source, counted.left_out);
    if (others.left_out > 0)
        tell_(std::nullopt, others.left_out);
}

} // namespace snipass::server
