// SPDX-License-Identifier: BSL-1.0
// rate_table: the token buckets of many networks, in a memory of one size.
#pragma once

#include "snipass/base/ip_address.hpp"
#include "snipass/base/rate.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace snipass {

// rate_table has room for so many networks. Each may stand in one of eight places. Where others have these,
// the one goes whose bucket is full first: it has come least lately, and forgetting it gives away least. One
// that has used up its tokens stays, however many others come once. One thread at a time.
class rate_table {
  public:
    // networks is rounded up to a power of two, of eight at least. key: a random number, which decides what
    // stands where.
    rate_table(std::size_t networks, std::uint64_t key);

    // take takes a token out of the network's bucket. False: there is none.
    [[nodiscard]] bool take(const ip_prefix& network, const rate& limit, moment now);

    // give_back: what was taken was not used.
    void give_back(const ip_prefix& network, const rate& limit);

    // size is how many networks it knows of, bytes what all of it takes.
    [[nodiscard]] std::size_t size() const noexcept;
    [[nodiscard]] std::size_t bytes() const noexcept { return entries_.capacity() * sizeof(entry); }

  private:
    static constexpr std::size_t ways = 8;

    struct entry {
        ip_prefix network{ip_address{}, 0}; // nobody's
        token_bucket bucket;
    };

    [[nodiscard]] std::span<entry> places_of(const ip_prefix& network) noexcept;

    std::uint64_t key_;
    std::vector<entry> entries_;
};

} // namespace snipass
