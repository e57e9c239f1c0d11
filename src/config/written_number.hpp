// SPDX-License-Identifier: BSL-1.0
// written_number: what the file says in one table, to tell whether it says the same as before.
#pragma once

#include "document.hpp"

#include <cstdint>

namespace snipass::config {

// written_number is equal for tables with the same keys and values, wherever they stand and in whatever
// order.
[[nodiscard]] std::uint64_t written_number(const members& table);

} // namespace snipass::config
