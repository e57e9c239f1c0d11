// SPDX-License-Identifier: BSL-1.0
// Names that are none because of their last label.
#pragma once

#include <string_view>

namespace snipass {

// ends_in_number: the last label has digits alone, so clients and resolvers take the text for an IPv4
// address, of which "1.2.3" is an old way to write 1.2.0.3 (the WHATWG's URL standard, inet_aton(3)).
[[nodiscard]] inline bool ends_in_number(std::string_view name) noexcept {
    if (name.ends_with('.'))
        name.remove_suffix(1);
    const auto last = name.substr(name.rfind('.') + 1);
    return !last.empty() && last.find_first_not_of("0123456789") == last.npos;
}

} // namespace snipass
