// SPDX-License-Identifier: BSL-1.0
// ech_outcome: what became of a client's encrypted_client_hello (docs/ech.md).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace snipass::server {

enum class ech_outcome : std::uint8_t {
    unasked,  // the file has no [ech]: nothing is told
    none,     // the hello had none
    grease,   // one of a config that is not ours, or made up: nobody can tell which
    opened,   // it was routed by its inner hello, or refused for it
    rejected, // one of a config of ours that its key does not open, or for a backend that has no ech
    unready,  // snipass-ech had not answered when the session ended
};
inline constexpr std::size_t ech_outcome_count = static_cast<std::size_t>(ech_outcome::unready) + 1;

[[nodiscard]] constexpr std::string_view to_string(ech_outcome one) noexcept {
    constexpr std::string_view words[] = {"unasked", "none", "grease", "opened", "rejected", "unready"};
    return words[static_cast<std::size_t>(one)];
}

} // namespace snipass::server
