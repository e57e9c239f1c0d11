// SPDX-License-Identifier: BSL-1.0
// Texts of strangers and admins, made fit to be shown.
#pragma once

#include <string>
#include <string_view>

namespace snipass {

// on_one_line replaces control characters by \u00XX: what is printed stays on its line and leaves the
// terminal alone.
[[nodiscard]] std::string on_one_line(std::string_view text);

// in_quotes is the text as a TOML basic string, so that what a diagnostic proposes can be pasted.
[[nodiscard]] std::string in_quotes(std::string_view text);

// in_ascii_quotes is the same of bytes that may be in no encoding: printable ASCII, whatever they are.
[[nodiscard]] std::string in_ascii_quotes(std::string_view text);

} // namespace snipass
