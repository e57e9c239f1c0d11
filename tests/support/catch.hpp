// SPDX-License-Identifier: BSL-1.0
// Catch2, version 2 (Debian 12) or 3 (Debian 13, Ubuntu 24.04).
#pragma once

#include <iostream>
#include <string_view>

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

// skipped says what this machine lacks: `return skipped("only root can make a chroot");`. ctest shows the
// test as skipped (SKIP_REGULAR_EXPRESSION in tests/CMakeLists.txt).
inline void skipped(std::string_view why) {
    std::cout << "SKIPPED: " << why << std::endl;
}
