// SPDX-License-Identifier: BSL-1.0
// system_calls: all that snipass-ech makes once it answers.
#pragma once

#include <span>

namespace snipass::ech_keys {

[[nodiscard]] std::span<const long> system_calls() noexcept;

} // namespace snipass::ech_keys
