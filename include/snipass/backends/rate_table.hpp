// SPDX-License-Identifier: BSL-1.0
// rate_table: the token buckets of many sources, in a memory of one size, for any number of threads.
#pragma once

#include "snipass/base/ip_address.hpp"
#include "snipass/base/rate.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace snipass::server {

// rate_table has room for so many networks, which are those of source_levels(). Each may stand in one of
// eight places. Where others have these, the one goes whose bucket is full first: it has come least lately,
// and forgetting it gives away least. One that has used up its tokens stays, however many others come once.
//
// Nobody waits for anybody, and nothing is allocated once it is made. The numbers of a network are exact
// while it stands where it stands; of two that change places in the very moment in which both come, one may
// get a token more or less.
class rate_table {
  public:
    // networks is rounded up to a power of two, of 32 at least. key: a random number, which decides what
    // stands where.
    rate_table(std::size_t networks, std::uint64_t key);

    // take takes a token out of the network's bucket. False: there is none.
    [[nodiscard]] bool take(const ip_prefix& network, const rate& limit, moment now) noexcept;

    // give_back: what was taken was not used.
    void give_back(const ip_prefix& network, const rate& limit) noexcept;

    // size is how many networks it knows of, bytes what all of it takes.
    [[nodiscard]] std::size_t size() const noexcept;
    [[nodiscard]] std::size_t bytes() const noexcept { return entries_.capacity() * sizeof(entry); }

  private:
    struct entry {
        std::atomic<std::uint64_t> whose{0};
        std::atomic<token_bucket> bucket{};

        void give_back(const rate& limit) noexcept;
    };

    // places are where one network may stand.
    struct places {
        std::uint64_t whose; // the network's number, which no other has that may stand there
        std::span<entry> all;

        [[nodiscard]] entry* find() const noexcept;
        void claim() const noexcept;
        [[nodiscard]] std::optional<bool> take_of(entry& its, const rate& limit, moment now) const noexcept;
    };

    [[nodiscard]] places places_of(const ip_prefix& network) noexcept;

    std::uint64_t key_;
    std::vector<entry> entries_;
};

} // namespace snipass::server
