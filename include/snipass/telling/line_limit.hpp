// SPDX-License-Identifier: BSL-1.0
// line_limit: how many lines a second one source can cause.
#pragma once

#include "snipass/base/source.hpp"
#include "snipass/net/event_loop.hpp"

#include <cstddef>
#include <functional>
#include <optional>
#include <unordered_map>

namespace snipass::server {

// line_limit counts the lines of each source (source_levels) within a second that begins with the first of
// them. Those above `most`, and for the larger networks above as many times that as they have shares, are
// left out, and counted. So many networks have a place of their own; those who come when all are taken share
// one. A network that has had its lines takes no place more, whatever addresses it has.
class line_limit final : private net::alarm {
  public:
    static constexpr std::size_t max_places = 1'024;

    // tell is called at the end of a second, for each source of which lines were left out, and how many;
    // none: those that share a place.
    using teller = std::function<void(const std::optional<ip_prefix>& source, std::size_t left_out)>;

    line_limit(net::event_loop& loop, std::size_t most, teller tell)
        : loop_(loop), most_(most), tell_(std::move(tell)) {}

    // set_most holds from the next line on.
    void set_most(std::size_t most) noexcept { most_ = most; }

    // may_write counts one more line of `client`. False: it is to be left out.
    [[nodiscard]] bool may_write(const ip_address& client);

    // tell_now ends the second.
    void tell_now();

    // places: how many networks have one.
    [[nodiscard]] std::size_t places() const noexcept { return counts_.size(); }

  private:
    struct count {
        std::size_t lines = 0;
        std::size_t left_out = 0;
    };
    using counts = std::unordered_map<ip_prefix, count, prefix_hash>;

    void expire() override { tell_now(); }
    [[nodiscard]] count& count_of(const ip_prefix& network);

    net::event_loop& loop_;
    std::size_t most_;
    teller tell_;
    counts counts_; // of this second
    count others_;
};

} // namespace snipass::server
