// SPDX-License-Identifier: BSL-1.0
// arrivals: how often clients have come to one listener lately.
#pragma once

#include "snipass/base/ip_address.hpp"
#include "snipass/base/rate.hpp"
#include "snipass/base/rate_table.hpp"
#include "snipass/base/source.hpp"
#include "snipass/config/admission_settings.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string_view>

namespace snipass::server {

// arrivals is all workers' together, so a rate is the file's whichever of them a client comes to, and it
// outlives reloads. A source is counted as everywhere (source_levels). So many networks are remembered; the
// memory for them is taken when the first comes, and not before.
class arrivals {
  public:
    static constexpr std::size_t most_networks = 65'536;

    // why_too_often counts one more client. Not empty: the key of the limit that it is beyond, and it is not
    // counted. Who is refused for what its source has done takes nothing from the others.
    [[nodiscard]] std::string_view why_too_often(const ip_address& client,
                                                 const config::admission_settings& limits, moment now);

    // networks is how many are remembered, bytes what they take.
    [[nodiscard]] std::size_t networks() const;
    [[nodiscard]] std::size_t bytes() const;

  private:
    static constexpr std::size_t parts = 16; // so that workers hardly ever wait for each other

    struct part {
        mutable std::mutex mutex;
        std::optional<rate_table> table;
    };

    [[nodiscard]] part& part_of(const ip_prefix& network) noexcept;
    [[nodiscard]] bool take(const ip_prefix& network, const rate& limit, moment now);
    void give_back(const ip_address& client, std::span<const source_level> levels, const rate& limit);
    [[nodiscard]] bool take_of_source(const ip_address& client, const rate& limit, moment now);
    [[nodiscard]] bool take_of_all(const rate& limit, moment now) noexcept;

    const std::uint64_t key_ = random_key();
    static std::uint64_t random_key();
    std::array<part, parts> parts_;
    std::atomic<token_bucket> all_{};
};

} // namespace snipass::server
