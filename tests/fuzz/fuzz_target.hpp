// SPDX-License-Identifier: BSL-1.0
// What every fuzz target shares. A target defines LLVMFuzzerTestOneInput, which libFuzzer calls, or
// replay_main.cpp where libFuzzer is not built in.
#pragma once

#include "snipass/base/bytes.hpp"

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace snipass::fuzz {

// require ends the process if a property does not hold: that is how a fuzzer knows.
inline void require(bool holds, std::string_view property) {
    if (holds)
        return;
    std::fprintf(stderr, "property broken: %.*s\n", static_cast<int>(property.size()), property.data());
    std::abort();
}

} // namespace snipass::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
