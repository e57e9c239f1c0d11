// SPDX-License-Identifier: BSL-1.0
// What somebody meant who wrote a word that does not exist.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace snipass::config {

// edit_distance counts the characters to insert, drop, replace or swap with their neighbour to get from one
// word to the other; case does not count, nor does '-' for '_'.
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

// nearest is the known word that is close enough to be what was meant: at most one mistake in three
// characters, or a part of the other.
[[nodiscard]] std::optional<std::string_view> nearest(std::string_view written,
                                                      const std::vector<std::string_view>& known);

// propose is the half-sentence for a diagnostic: `write "hold"` where one is near, else `known here: "hold",
// "proxy"`.
[[nodiscard]] std::string propose(std::string_view written, const std::vector<std::string_view>& known);

} // namespace snipass::config
