// SPDX-License-Identifier: BSL-1.0
// The bodies of the extensions, each in a function of its own.
#pragma once

#include "snipass/tls/broken_rule.hpp"
#include "snipass/tls/byte_reader.hpp"
#include "snipass/tls/client_hello.hpp"

#include <cstdint>

namespace snipass::tls {

// parse_extension checks the body of one extension, from its first byte to its last, and notes in `hello`
// what routing and the log use. An extension that snipass does not know is opaque.
[[nodiscard]] broken_rule parse_extension(std::uint16_t type, byte_reader body, client_hello& hello) noexcept;

} // namespace snipass::tls
