// SPDX-License-Identifier: BSL-1.0
// The input is what a router leaves to the next. What is read is written again as it was: nothing is guessed.
// What is older is written as it is now, and that is read as the same.
#include "snipass/upgrade/form.hpp"

#include "fuzz_target.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

using namespace snipass;
using namespace snipass::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const byte_view bytes{data, size};
    const auto all = upgrade::read(bytes);
    if (!all) {
        require(upgrade::scan(bytes).error() == all.error(), "what is refused is not found, either");
        require(!all.error().message().empty() && all.error().category() == upgrade::form_category(),
                "what is refused has a reason");
        return 0;
    }
    const auto found = upgrade::scan(bytes);
    require(found && found->relays.size() == all->relayed.size(), "what is read is found");
    for (std::size_t i = 0; i < found->relays.size(); ++i) {
        std::vector<std::uint8_t> one;
        std::vector<std::uint8_t> same;
        append(one, all->relayed[i]);
        append(same, read_relay(bytes, found->relays[i], found->version));
        require(one == same, "each relay is found where it is");
    }
    const auto again = upgrade::write(*all);
    constexpr std::size_t end_of_version = 12;
    if (data[end_of_version - 1] == upgrade::newest_version)
        require(std::ranges::equal(again, bytes), "what is read is all that there is");
    const auto now = upgrade::read(again);
    require(now && upgrade::write(*now) == again, "what is written is read");
    require(upgrade::descriptors_of(*all) <= 6 * size, "no more descriptors than entries can have");
    return 0;
}
