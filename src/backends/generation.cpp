// SPDX-License-Identifier: BSL-1.0
// What one worker has of one configuration.
#include "snipass/backends/generation.hpp"

#include <algorithm>

namespace snipass::server {
namespace {

constexpr std::size_t smallest_share = 16;

} // namespace

generation::generation(std::shared_ptr<const config::configuration> snapshot, unsigned workers,
                       address_book& book)
    : config(std::move(snapshot)) {
    for (const auto& settings : config->backends) {
        backends.push_back(std::make_unique<backend>(settings, share(settings.max_pending, workers), book));
    }
}

std::size_t share(std::size_t bound, unsigned workers) noexcept {
    return std::max((bound + workers - 1) / workers, std::min(bound, smallest_share));
}

} // namespace snipass::server
