// SPDX-License-Identifier: BSL-1.0
// rate: so many in a second, and so many at once.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace snipass {

// moment is a time by whatever clock the caller has, from its beginning on.
using moment = std::chrono::nanoseconds;

// rate: both at least 1.
struct rate {
    std::size_t per_second = 1;
    std::size_t burst = 1;

    bool operator==(const rate&) const = default;

    // times is the rate of whoever has so many shares.
    [[nodiscard]] rate times(std::size_t shares) const noexcept {
        return {per_second * shares, burst * shares};
    }
    // interval is what one costs.
    [[nodiscard]] moment interval() const noexcept {
        constexpr moment second = std::chrono::seconds{1};
        return std::max(second / static_cast<moment::rep>(per_second), moment{1});
    }
};

// token_bucket holds `burst` tokens and gets `per_second` back. It is kept as the moment at which it is full
// again (the generic cell rate algorithm, ITU-T I.371): one number, and a bucket that is full is like one of
// whom nothing was ever known.
class token_bucket {
  public:
    // take takes a token at `now`. False: there is none, and nothing has changed.
    [[nodiscard]] bool take(const rate& limit, moment now) noexcept {
        const auto full_at = std::max(full_at_, now);
        if (full_at - now > limit.interval() * static_cast<moment::rep>(limit.burst - 1))
            return false;
        full_at_ = full_at + limit.interval();
        return true;
    }

    // give_back: what was taken was not used.
    void give_back(const rate& limit) noexcept { full_at_ -= limit.interval(); }

    [[nodiscard]] moment full_at() const noexcept { return full_at_; }

  private:
    moment full_at_{};
};

} // namespace snipass
