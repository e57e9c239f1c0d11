// SPDX-License-Identifier: BSL-1.0
// line_limit: how many lines a second one source can cause.
#pragma once

#include "snipass/base/ip_address.hpp"
#include "snipass/net/event_loop.hpp"

#include <boost/functional/hash.hpp>

#include <cstddef>
#include <functional>
#include <unordered_map>

namespace snipass::server {

// line_limit counts the lines of each source within a second that begins with the first of them. Those above
// `most` are left out, and counted. It remembers so many sources at a time; those that come then share a
// place.
class line_limit final : private net::alarm {
  public:
    static constexpr std::size_t max_sources = 1'024;

    // tell is called at the end of a second, for each source of which lines were left out: with its address
    // (an IPv6 /64's first one; `::` for those that share a place), and how many.
    using teller = std::function<void(const ip_address& source, std::size_t left_out)>;

    line_limit(net::event_loop& loop, std::size_t most, teller tell)
        : loop_(loop), most_(most), tell_(std::move(tell)) {}

    // set_most holds from the next line on.
    void set_most(std::size_t most) noexcept { most_ = most; }

    // may_write counts one more line of `client`. False: it is to be left out.
    [[nodiscard]] bool may_write(const ip_address& client);

    // tell_now ends the second.
    void tell_now();

  private:
    struct hash {
        std::size_t operator()(const ip_address& address) const noexcept {
            return boost::hash_range(address.bytes().begin(), address.bytes().end());
        }
    };
    void expire() override { tell_now(); }

    net::event_loop& loop_;
    std::size_t most_;
    teller tell_;
    std::unordered_map<ip_address, std::size_t, hash> lines_; // of this second
};

} // namespace snipass::server
