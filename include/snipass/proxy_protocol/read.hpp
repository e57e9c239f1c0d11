// SPDX-License-Identifier: BSL-1.0
// read: a PROXY protocol header at the start of a stream, version 1 or 2.
#pragma once

#include "snipass/base/bytes.hpp"
#include "snipass/proxy_protocol/header.hpp"

#include <cstddef>
#include <string>
#include <variant>

namespace snipass::proxy_protocol {

// The longest header that is read.
inline constexpr std::size_t max_size = v2_fixed_size + v2_max_length;

struct partial {
    std::size_t needed; // bytes from the start of the stream, before another look makes sense
};

struct refused {
    std::string why; // the rule that was broken, and what was read; printable ASCII
};

using reading = std::variant<partial, header, refused>;

// read reads the bytes that have come so far. It is as generous as the specification allows, because the
// source address is what counts: the destination of a version 1 header may be of the other family, and a
// version 2 header about something other than TCP over IP says as little as one with UNSPEC.
[[nodiscard]] reading read(byte_view bytes);

// begins_with_header: the whole signature of one of the two versions is there.
[[nodiscard]] bool begins_with_header(byte_view bytes) noexcept;

} // namespace snipass::proxy_protocol
