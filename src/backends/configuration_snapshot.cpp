// SPDX-License-Identifier: BSL-1.0
// What one worker has of one configuration.
#include "snipass/backends/configuration_snapshot.hpp"

#include "snipass/os/limits.hpp"

#include <algorithm>

namespace snipass::server {
namespace {

constexpr std::size_t smallest_share = 16;

// Together the backends have a quarter of what the kernel allows our user: enough is left when some of it was
// lost to a router before. None needs more than the clients that come within one ack_timeout.
std::size_t unanswered_by_default(const config::configuration& file) {
    const auto takers =
        std::ranges::count_if(file.backends, [](const auto& one) { return one.handoff() != nullptr; });
    const auto all = os::descriptor_limit() / 4;
    constexpr std::size_t least = 16;
    constexpr std::size_t most = 1'024;
    return std::clamp(all / std::max<std::size_t>(static_cast<std::size_t>(takers), 1), least, most);
}

} // namespace

configuration_snapshot::configuration_snapshot(std::shared_ptr<const config::configuration> snapshot,
                                               unsigned workers, address_book& book, pending_room& room,
                                               std::shared_ptr<server::terminator> ends_tls,
                                               std::shared_ptr<tally> counters)
    : config(std::move(snapshot)), terminator(std::move(ends_tls)), counts(std::move(counters)) {
    for (const auto& one : config->listeners)
        arrived.push_back(one.admission && one.admission->limits_rates()
                              ? book.arrivals_at(one.address, one.admission->per_source.has_value())
                              : nullptr);
    const auto most_unanswered = unanswered_by_default(*config);
    for (const auto& settings : config->backends) {
        backends.push_back(
            std::make_unique<backend>(settings, share(settings.max_pending, workers), book, room));
        if (counts)
            backends.back()->count_in(counts->backends[backends.size() - 1]);
        if (const auto* const handoff = settings.handoff())
            backends.back()->known()->sent.allow(handoff->max_unanswered.value_or(most_unanswered),
                                                 workers * handoff->paths.size());
    }
}

std::size_t share(std::size_t bound, unsigned workers) noexcept {
    return std::max((bound + workers - 1) / workers, std::min(bound, smallest_share));
}

} // namespace snipass::server
