// SPDX-License-Identifier: BSL-1.0
// Mutates a stream as a ClientHello, not as bytes: fields, extensions, names, lengths, the handshake header,
// records.
#pragma once

#include "hello_builder.hpp"

#include <cstddef>
#include <functional>

namespace snipass::fuzz {

// mutate_bytes changes the first `size` of the bytes in place, up to the capacity, and returns the new size:
// libFuzzer's LLVMFuzzerMutate.
using mutate_bytes = std::size_t (*)(std::uint8_t* data, std::size_t size, std::size_t capacity);

// mutated_hello is a stream near the given one. What is no longer a hello that can be taken apart is mutated
// as bytes, or given up for a fresh hello.
[[nodiscard]] testing::bytes mutated_hello(byte_view stream, unsigned seed, mutate_bytes as_bytes);

} // namespace snipass::fuzz
