// SPDX-License-Identifier: BSL-1.0
// The input is what a router leaves to the next. What is read is written again as it was: nothing is guessed.
#include "snipass/upgrade/form.hpp"

#include "fuzz_target.hpp"

#include <algorithm>

using namespace snipass;
using namespace snipass::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const byte_view bytes{data, size};
    const auto all = upgrade::read(bytes);
    if (!all) {
        require(!all.error().message().empty() && all.error().category() == upgrade::form_category(),
                "what is refused has a reason");
        return 0;
    }
    require(std::ranges::equal(upgrade::write(*all), bytes), "what is read is all that there is");
    require(upgrade::descriptors_of(*all) <= 6 * size, "no more descriptors than entries can have");
    return 0;
}
