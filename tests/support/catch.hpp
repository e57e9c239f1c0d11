// SPDX-License-Identifier: BSL-1.0
// Catch2, version 2 (Debian 12) or 3 (Debian 13, Ubuntu 24.04).
#pragma once

#ifdef SNIPASS_CATCH2_V3
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>

namespace Catch::Matchers {
// By its name in version 3, where Contains is for elements.
inline auto ContainsSubstring(const std::string& text) {
    return Contains(text);
}
} // namespace Catch::Matchers
#endif
