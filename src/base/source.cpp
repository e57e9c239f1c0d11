// SPDX-License-Identifier: BSL-1.0
// Whom the addresses of clients are counted as.
#include "snipass/base/source.hpp"

#include <array>

namespace snipass {
namespace {

constexpr std::array v4_levels{source_level{32, 1}};
constexpr std::array v6_levels{source_level{64, 1}, source_level{56, 4}, source_level{48, 16}};
static_assert(v6_levels.size() == most_source_levels);

} // namespace

std::span<const source_level> source_levels(const ip_address& client) noexcept {
    return client.is_v4() ? std::span<const source_level>{v4_levels} : v6_levels;
}

ip_address source_of(const ip_address& client) noexcept {
    constexpr unsigned customer = 64;
    return client.is_v4() ? client : ip_prefix{client, customer}.address();
}

} // namespace snipass
