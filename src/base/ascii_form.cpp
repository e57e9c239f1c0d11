// SPDX-License-Identifier: BSL-1.0
// The one file that knows libidn2.
#include "snipass/base/ascii_form.hpp"

#include <algorithm>
#include <idn2.h>

namespace snipass {

bool is_ascii(std::string_view text) noexcept {
    return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

std::optional<std::string> ascii_form(std::string_view name) {
    if (name.find('\0') != name.npos)
        return std::nullopt;
    char* made = nullptr;
    const int status =
        ::idn2_to_ascii_8z(std::string(name).c_str(), &made, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
    if (status != IDN2_OK)
        return std::nullopt;
    std::string ascii{made};
    ::idn2_free(made);
    return ascii;
}

} // namespace snipass
