// SPDX-License-Identifier: BSL-1.0
// A relayed client on its way from one process to the next.
#include "snipass/delivery/proxied_session.hpp"

#include "snipass/config/removal.hpp"
#include "snipass/os/client_options.hpp"
#include "snipass/telling/moved_record.hpp"

#include <algorithm>
#include <memory>
#include <utility>

namespace snipass::server {
namespace {

// find: null: the backend is gone, or is none that clients are relayed to, or `address` is not one of its
// any more.
backend* find(const configuration_snapshot& in, const upgrade::relayed_client& one) {
    const auto& backends = in.config->backends;
    const auto at = std::ranges::find(backends, one.about.backend, &config::backend_settings::name);
    if (at == backends.end() || at->proxy() == nullptr || config::is_removed(*at, one.address, *in.config))
        return nullptr;
    return in.backends[static_cast<std::size_t>(at - backends.begin())].get();
}

// target_of: none where the name has not been resolved yet, or is somewhere else by now.
counted target_of(backend& of, const upgrade::relayed_client& one) {
    for (const auto& candidate : of.targets().all())
        if (candidate.address->text == one.address && candidate.endpoint == one.endpoint)
            return counted{candidate.state};
    return counted{nullptr};
}

std::string_view address_of(const backend& of, const std::string& written, former_texts& former) {
    const auto* const relay = of.settings().relay();
    if (relay != nullptr)
        for (const auto& one : relay->addresses)
            if (one.text == written)
                return one.text;
    if (const auto* const forward = of.settings().forward(); forward && forward->address.text == written)
        return forward->address.text;
    return *former.insert(written).first;
}

// end_removed tells of one whose backend is no more.
void end_removed(context& thread, moved_relay one) {
    const auto& snapshot = *thread.in_use;
    auto about = from_moved(one.known.about, *snapshot.config, thread.former);
    const net::relay_result result{net::relay_end::removed, std::nullopt, one.known.relay.to_backend.bytes,
                                   one.known.relay.to_client.bytes};
    const relay_facts where{one.known.address, one.known.endpoint,
                            relay_facts::short_time{one.known.connect_time}, &result};
    about.outcome = outcome::proxied;
    about.relay = &where;
    for (auto* const fd : {&one.sockets.client, &one.sockets.backend})
        os::close_with_reset(std::move(*fd));
    thread.finish(about, snapshot.counters_of(about.listener));
}

} // namespace

proxied_session::proxied_session(context& thread, std::shared_ptr<configuration_snapshot> snapshot,
                                 backend& to, moved_relay one)
    : relay(std::move(one.sockets), std::move(one.pipes), one.known.relay, to.relaying()), thread_(thread),
      snapshot_(std::move(snapshot)), to_(to), at_(target_of(to, one.known)),
      about_(from_moved(one.known.about, *snapshot_->config, thread.former)),
      where_{address_of(to, one.known.address, thread.former), one.known.endpoint,
             relay_facts::short_time{one.known.connect_time}} {
    about_.relay = &where_;
    about_.detail.shrink_to_fit();
}

void proxied_session::go_on(context& thread, moved_relay one) {
    thread.counters.accepted.add(); // by the process before; its end is counted here
    auto* const to = find(*thread.in_use, one.known);
    if (to == nullptr)
        return end_removed(thread, std::move(one));
    (void)start(thread, std::make_unique<proxied_session>(thread, thread.in_use, *to, std::move(one)));
}

upgrade::relayed_client proxied_session::known() const {
    return {to_moved(about_), std::string{where_.address}, where_.endpoint, where_.connect_time.count(),
            state()};
}

} // namespace snipass::server
