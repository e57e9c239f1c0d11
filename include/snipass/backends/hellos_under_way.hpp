// SPDX-License-Identifier: BSL-1.0
// hellos_under_way: which clients are being forwarded to the name they asked for, so that a loop is found.
#pragma once

#include "snipass/base/bytes.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>

namespace snipass::server {

// A ClientHello has 32 random bytes (RFC 8446 section 4.1.2), and whoever relays it passes them on. One that
// comes in while the same is being forwarded has come back to us, over whatever hops.
//
// Thread-safe: a loop comes back to any worker.
class hellos_under_way {
  public:
    using random = std::array<std::uint8_t, 32>;

    // mark is one client's, for as long as it exists.
    class mark {
      public:
        mark(hellos_under_way& all, const random& one) noexcept : all_(all), one_(one) {}
        ~mark() { all_.remove(one_); }
        mark(const mark&) = delete;
        mark& operator=(const mark&) = delete;

      private:
        hellos_under_way& all_;
        random one_;
    };

    // add marks a hello; null: it is under way already. The marks go before this does.
    [[nodiscard]] std::shared_ptr<const mark> add(const random& one);

    [[nodiscard]] std::size_t size() const;

  private:
    void remove(const random& one);

    mutable std::mutex mutex_;
    std::set<random> all_;
};

} // namespace snipass::server
