// SPDX-License-Identifier: BSL-1.0
// open_aead: what a client's second hello is opened with (snipass/handoff/ech_filter.h), by libcrypto.
#pragma once

#include <cstddef>
#include <cstdint>

namespace snipass::server {

// An ech_open: 1, or 0, and nothing in `out` that may be used.
int open_aead(std::uint16_t aead, const unsigned char* key, const unsigned char* nonce,
              const unsigned char* aad, std::size_t aad_size, const unsigned char* in, std::size_t in_size,
              unsigned char* out);

} // namespace snipass::server
