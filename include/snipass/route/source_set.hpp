// SPDX-License-Identifier: BSL-1.0
// source_set: the addresses of a `source` condition.
#pragma once

#include "snipass/base/ip_address.hpp"

#include <vector>

namespace snipass::route {

// source_set answers whether an address lies in any of its prefixes by one binary search: an admin may list
// all the networks of a country. Prefixes that overlap or touch are kept as one range.
class source_set {
  public:
    explicit source_set(const std::vector<ip_prefix>& prefixes);

    [[nodiscard]] bool contains(const ip_address& address) const noexcept;

    // range_count is how many ranges are left after merging, for tests.
    [[nodiscard]] std::size_t range_count() const noexcept { return v4_.size() + v6_.size(); }

  private:
    struct range {
        ip_address first;
        ip_address last;
    };

    // Apart, because the mapped form of every IPv4 address lies inside "::/0", which means IPv6 clients only.
    std::vector<range> v4_;
    std::vector<range> v6_;
};

} // namespace snipass::route
