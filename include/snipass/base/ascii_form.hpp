// SPDX-License-Identifier: BSL-1.0
// Names outside of ASCII, as they are sent on the wire.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace snipass {

// is_ascii: every byte is below 0x80.
[[nodiscard]] bool is_ascii(std::string_view text) noexcept;

// ascii_form is what clients send for an internationalized name in UTF-8 (IDNA 2008, as browsers have it by
// UTS #46): "xn--bcher-kva.example" for "bücher.example". nullopt: there is none.
[[nodiscard]] std::optional<std::string> ascii_form(std::string_view name);

} // namespace snipass
