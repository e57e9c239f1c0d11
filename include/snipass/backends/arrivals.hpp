// SPDX-License-Identifier: BSL-1.0
// arrivals: how often clients have come to one listener lately.
#pragma once

#include "snipass/backends/rate_table.hpp"
#include "snipass/base/ip_address.hpp"
#include "snipass/base/rate.hpp"
#include "snipass/base/source.hpp"
#include "snipass/config/admission_settings.hpp"

#include <atomic>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

namespace snipass::server {

// arrivals is all workers' together, so a rate is the file's whichever of them a client comes to, and it
// outlives reloads. A source is counted as everywhere (source_levels). No worker waits for another one here,
// and no client takes memory.
class arrivals {
  public:
    static constexpr std::size_t most_networks = 65'536;

    // remember_sources makes room for so many networks, the first time that it is called. One thread at a
    // time, and before the first client of a listener that has max_rate_per_source.
    void remember_sources();

    // why_too_often counts one more client. Not empty: the key of the limit that it is beyond, and it is not
    // counted. Who is refused for what its source has done takes nothing from the others.
    [[nodiscard]] std::string_view
    why_too_often(const ip_address& client, const config::admission_settings& limits, moment now) noexcept;

    // networks is how many are remembered, bytes what they take.
    [[nodiscard]] std::size_t networks() const noexcept { return sources_ ? sources_->size() : 0; }
    [[nodiscard]] std::size_t bytes() const noexcept { return sources_ ? sources_->bytes() : 0; }

  private:
    void give_back(const ip_address& client, std::span<const source_level> levels,
                   const rate& limit) noexcept;
    [[nodiscard]] bool take_of_source(const ip_address& client, const rate& limit, moment now) noexcept;
    [[nodiscard]] bool take_of_all(const rate& limit, moment now) noexcept;

    std::optional<rate_table> sources_;
    std::atomic<token_bucket> all_{};
};

} // namespace snipass::server
