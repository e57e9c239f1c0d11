// SPDX-License-Identifier: BSL-1.0
// The readers of the two versions. Their callers have seen what is there of the signature.
#pragma once

#include "snipass/proxy_protocol/read.hpp"

namespace snipass::proxy_protocol {

[[nodiscard]] reading read_v1(byte_view bytes);
[[nodiscard]] reading read_v2(byte_view bytes);

} // namespace snipass::proxy_protocol
