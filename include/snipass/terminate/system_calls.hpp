// SPDX-License-Identifier: BSL-1.0
// system_calls: all that snipass-tls makes.
#pragma once

#include <span>

namespace snipass::terminate {

// system_calls is what this process makes once it serves: its own, and those of the C library, as Debian 12
// and 13 have it, for memory, threads, files and look-ups. Whoever has taken it over makes no others.
[[nodiscard]] std::span<const long> system_calls() noexcept;

} // namespace snipass::terminate
