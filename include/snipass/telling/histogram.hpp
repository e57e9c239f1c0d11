// SPDX-License-Identifier: BSL-1.0
// histogram: how many values were how large. Written by one worker, read by any thread.
#pragma once

#include "snipass/net/counter.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace snipass::server {

// From accept to handoff, in microseconds, and the sizes of hellos, in bytes: the largest value of each
// bucket. What is larger than the last one is counted behind it.
inline constexpr std::array<std::uint64_t, 17> time_bounds{
    50,     100,     250,     500,     1'000,     2'500,     5'000,     10'000,    25'000,
    50'000, 100'000, 250'000, 500'000, 1'000'000, 2'500'000, 5'000'000, 10'000'000};
inline constexpr std::array<std::uint64_t, 9> size_bounds{256,   512,   1'024,  1'536, 2'048,
                                                          4'096, 8'192, 16'384, 65'536};

// histogram_totals is what several histograms with the same bounds have together.
struct histogram_totals {
    std::span<const std::uint64_t> bounds{};
    std::vector<std::uint64_t> counts{}; // one for each bound, and one for what is larger
    std::uint64_t sum = 0;
};

template <const auto& Bounds>
class histogram {
  public:
    void add(std::uint64_t value) noexcept {
        const auto bucket = std::lower_bound(Bounds.begin(), Bounds.end(), value) - Bounds.begin();
        counts_[static_cast<std::size_t>(bucket)].add();
        sum_.add(value);
    }

    void add_to(histogram_totals& totals) const {
        totals.bounds = Bounds;
        totals.counts.resize(counts_.size());
        for (std::size_t i = 0; i < counts_.size(); ++i)
            totals.counts[i] += counts_[i].value();
        totals.sum += sum_.value();
    }

    // each calls see(name, counter) for all that one of them has, `of`, which may be const.
    template <class Histogram, class See>
    static void each(Histogram& of, const std::string& name, See see) {
        for (std::size_t i = 0; i < Bounds.size(); ++i)
            see(name + "_" + std::to_string(Bounds[i]), of.counts_[i]);
        see(name + "_more", of.counts_[Bounds.size()]);
        see(name + "_sum", of.sum_);
    }

  private:
    std::array<net::counter, Bounds.size() + 1> counts_;
    net::counter sum_;
};

} // namespace snipass::server
