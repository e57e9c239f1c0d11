// SPDX-License-Identifier: BSL-1.0
// fault_limit: how many lines there are of clients that were lost by no fault of theirs.
#pragma once

#include "snipass/net/event_loop.hpp"
#include "snipass/telling/outcome.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace snipass::server {

// fault_limit counts lines by what went wrong, a backend and an outcome, and not by source: however many
// addresses a stranger has, what is wrong with a backend is in the log. Each fault has `each` lines a second,
// for as long as all together have no more than `all`; beyond that it still has one a minute. Its memory is
// bounded by the file: strangers name no backend.
class fault_limit {
  public:
    fault_limit(std::size_t each, std::size_t all) noexcept : each_(each), all_(all) {}

    // set_most holds from the next line on.
    void set_most(std::size_t each, std::size_t all) noexcept {
        each_ = each;
        all_ = all;
    }

    // may_write counts one more line of clients that `backend` (empty: none) lost as `why`. False: the fault
    // has had its lines.
    [[nodiscard]] bool may_write(std::string_view backend, outcome why, net::time_point now);

  private:
    struct count {
        std::uint32_t second = 0; // that the lines are of; 0: none was written in this minute
        std::uint32_t lines = 0;
    };
    struct name_hash : std::hash<std::string_view> {
        using is_transparent = void;
    };
    using faults = std::array<count, outcome_count>; // of one backend

    void keep_time(net::time_point now);
    [[nodiscard]] count& count_of(std::string_view backend, outcome why);

    std::size_t each_;
    std::size_t all_;
    net::time_point minute_{}; // when it began
    net::time_point second_{};
    std::uint32_t second_number_ = 0;
    std::size_t lines_ = 0;                                                      // of this second
    std::unordered_map<std::string, faults, name_hash, std::equal_to<>> counts_; // of this minute
};

} // namespace snipass::server
