// SPDX-License-Identifier: BSL-1.0
// Mistakes in arrays and in tables on one line. Private to config.
#pragma once

#include "syntax_place.hpp"

#include "snipass/config/parse.hpp"

#include <optional>

namespace snipass::config {

// What is wrong, and what to write; nullopt: it is something else.
using explained = std::optional<diagnostic>;

// without_quotes takes off what is quotes, or looks like them.
[[nodiscard]] std::string_view without_quotes(std::string_view value);

// is_reading_a_value: of those that have no quotes.
[[nodiscard]] bool is_reading_a_value(const syntax_place& here);

[[nodiscard]] explained unclosed_bracket(const syntax_place& here);
[[nodiscard]] explained missing_quote(const syntax_place& here);
[[nodiscard]] explained bare_element(const syntax_place& here);
[[nodiscard]] explained broken_array(const syntax_place& here);
[[nodiscard]] explained broken_inline_table(const syntax_place& here);

} // namespace snipass::config
