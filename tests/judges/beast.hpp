// SPDX-License-Identifier: BSL-1.0
// Boost.Beast as a judge of request heads.
#pragma once

#include "snipass/base/bytes.hpp"

#include <string>
#include <vector>

namespace snipass::testing {

enum class head_verdict {
    refused,
    waits,
    head,
};

// judged_head is what a server reads.
struct judged_head {
    head_verdict kind = head_verdict::refused;
    std::string method{};
    std::string target{};
    std::vector<std::string> hosts{}; // the values of all Host fields
};

[[nodiscard]] judged_head ask_beast(byte_view stream);

} // namespace snipass::testing
