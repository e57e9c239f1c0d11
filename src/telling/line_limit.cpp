// SPDX-License-Identifier: BSL-1.0
// How many lines a second one source can cause.
#include "snipass/telling/line_limit.hpp"

#include "snipass/base/source.hpp"

namespace snipass::server {

using namespace std::chrono_literals;

bool line_limit::may_write(const ip_address& client) {
    if (lines_.empty())
        loop_.arm(*this, net::clock::now() + 1s);
    const auto source = source_of(client);
    const bool has_place = lines_.size() < max_sources || lines_.contains(source);
    return ++lines_[has_place ? source : ip_address{}] <= most_;
}

void line_limit::tell_now() {
    disarm();
    const auto ended = std::exchange(lines_, {}); // telling may write lines
    for (const auto& [source, count] : ended)
        if (count > most_)
            tell_(source, count - most_);
}

} // namespace snipass::server
