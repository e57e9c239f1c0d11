// SPDX-License-Identifier: BSL-1.0
// What is left of a session while it is relayed.
#include "snipass/delivery/proxied_session.hpp"

#include "snipass/config/removal.hpp"

#include <algorithm>
#include <memory>
#include <utility>

namespace snipass::server {
namespace {

// Of what the client chose, and of what went wrong before it got here: the rest of 1 KiB.
constexpr std::size_t text_kept = 240;

// is_tcp: towards a backend that is spoken to in TLS it is a socket pair.
bool is_tcp(const config::backend_settings& settings, const relay_facts& where) {
    const bool is_encrypted = settings.termination && settings.termination->encryption;
    return where.endpoint && !is_encrypted;
}

} // namespace

proxied_session::proxied_session(routed_client& client, backend& to, backend_side other)
    : relay({.client = client.socket.release(),
             .backend = std::move(other.connection),
             .client_is_shared = client.socket.is_shared(),
             .backend_is_tcp = is_tcp(to.settings(), other.where)},
            to.relaying()),
      thread_(client.thread), snapshot_(client.snapshot), to_(to), at_(std::move(other.counted_there)),
      about_(std::move(client.about)), where_(other.where), mark_(std::move(other.mark)) {
    about_.relay = &where_;
    about_.detail.shrink_to_fit();
    if (about_.hello)
        about_.hello->cut(text_kept - std::min(text_kept, about_.detail.size()));
}

bool proxied_session::begin(routed_client& client, backend& to, backend_side other) {
    return start(client.thread, std::make_unique<proxied_session>(client, to, std::move(other)));
}

bool proxied_session::start(context& thread, std::unique_ptr<proxied_session> session) {
    auto& about = session->about_;
    const auto snapshot = session->snapshot_;
    if (auto* const gone = thread.relayed.enter(*session, about.client.address))
        thread.relays.end(static_cast<proxied_session&>(*gone), net::relay_end::displaced);
    std::unique_ptr<net::relay> relay = std::move(session);
    const auto ec = thread.relays.start(relay);
    if (!ec)
        return true;
    // The kernel has no memory for another registration.
    about.detail += (about.detail.empty() ? "" : "; ") + ec.message();
    about.outcome = outcome::internal_error;
    thread.finish(about, snapshot->counters_of(about.listener));
    return false;
}

bool proxied_session::must_end(const config::configuration& now) const {
    return config::is_removed(to_.settings(), where_.address, now);
}

void proxied_session::ended(const net::relay_result& how) {
    about_.outcome = outcome::proxied;
    where_.result = &how;
    to_.count(outcome::proxied);
    thread_.finish(about_, snapshot_->counters_of(about_.listener));
}

} // namespace snipass::server
