// SPDX-License-Identifier: BSL-1.0
// The names of one thread's sessions.
#include "snipass/context/id_source.hpp"

#include <algorithm>
#include <cstddef>
#include <random>

namespace snipass::server {
namespace {

constexpr std::size_t random_size = 8;

} // namespace

id_source::id_source() {
    std::random_device source;
    std::generate_n(last_.begin(), random_size, [&] { return static_cast<std::uint8_t>(source()); });
}

proxy_protocol::unique_id id_source::next() noexcept {
    // A big-endian counter: carry from the last byte on.
    for (auto at = last_.rbegin(); at != last_.rend() - random_size && ++*at == 0; ++at) {
    }
    return last_;
}

} // namespace snipass::server
