// SPDX-License-Identifier: BSL-1.0
// From a client that was heard to one that is heard in clear.
#include "snipass/terminate/service.hpp"

#include "snipass/net/fd_watch.hpp"
#include "snipass/net/wait_error.hpp"
#include "snipass/os/error.hpp"
#include "snipass/os/kernel_tls.hpp"
#include "snipass/os/tcp.hpp"
#include "snipass/session/refusal.hpp"
#include "snipass/terminate/connection.hpp"
#include "snipass/terminate/kernel_client.hpp"
#include "snipass/terminate/plaintext_relay.hpp"
#include "snipass/terminate/shaking.hpp"
#include "snipass/tls/constants.hpp"

#include <string>
#include <utility>

namespace snipass::terminate {
namespace {

using net::task;
using server::outcome;
using server::unrouted_client;
using ending = std::variant<outcome, std::unique_ptr<server::in_clear>>;

// refuse tells a client with whom there was no handshake.
task<outcome> refuse(unrouted_client& client, outcome why, std::uint8_t alert) {
    client.about.end_now();
    const server::last_words words{.alert = alert};
    co_await server::refuse(client.thread, client.about.client.address, client.socket.release(),
                            config::policy::alert, words);
    co_return why;
}

// shake does the handshake, as shake_hands(). What ends the wait besides is a shed_reason.
task<error_code> shake(unrouted_client& client, connection& tls, net::time_point deadline) {
    const auto how = tls.shake(); // the hello is there
    if (client.thread.handshakes.closed())
        co_return server::shed_reason::stop;
    net::fd_watch watch{client.thread.loop, client.socket.get()};
    const server::waiting_room::place place{client.thread.handshakes, client.about.client.address, watch};
    co_return co_await shake_hands(tls, how, watch, deadline);
}

// judge is the outcome of a handshake that was not done, and notes why.
outcome judge(unrouted_client& client, const connection& tls, const error_code& why) {
    auto& detail = client.about.detail;
    if (why == server::shed_reason::room || why == server::shed_reason::source) {
        detail = "max_handshakes clients were shaking hands, and this was the oldest of the largest source";
        return outcome::shed;
    }
    if (why == server::shed_reason::stop)
        return outcome::cut_off;
    detail = why == net::wait_error::timed_out ? "not done in handshake_timeout" : tls.why();
    if (!tls.has_no_protocol())
        return outcome::handshake_failed;
    detail = "the client offers none of the backend's protocols (alpn)";
    return outcome::alpn_mismatch;
}

server::clear_text_notes notes_of(const connection& tls) {
    return {std::string{tls.version()},
            std::string{tls.cipher()},
            std::string{tls.protocol()},
            tls.is_resumed(),
            false,
            {},
            tls.client_name()};
}

// purpose_of is what a session may be resumed for.
std::string purpose_of(const std::optional<host_name>& name, const config::backend_settings& to) {
    return std::string{name ? name->text() : std::string_view{}} + '\0' + to.name;
}

// begin_relay: this process stays in the path.
ending begin_relay(unrouted_client& client, std::unique_ptr<connection> tls) {
    auto& thread = client.thread;
    const auto& source = client.about.client.address;
    if (const auto full = thread.in_clear.why_not(source)) {
        (void)tls->end();
        client.socket.close();
        return *full;
    }
    return std::make_unique<plaintext_relay>(thread, &source, client.socket.release(), std::move(tls));
}

} // namespace

task<ending> service::terminate(unrouted_client& client, const config::backend_settings& to) {
    auto& about = client.about;
    auto& thread = client.thread;
    // What a client has sent FIN behind, or came by MPTCP, or meets no module, the kernel does not take.
    const bool may_offload = to.termination->plaintext == config::plaintext_kind::ktls &&
                             !os::begin_kernel_tls(client.socket.get());
    const auto full = may_offload ? std::nullopt : thread.in_clear.why_not(about.client.address);
    if (full)
        co_return co_await refuse(client, *full, tls::alert::internal_error);
    const auto name = about.hello ? about.hello->host_name() : std::nullopt;
    auto* const context = about.hello ? contexts_.find(name) : nullptr;
    if (context == nullptr)
        co_return co_await refuse(client, outcome::no_certificate, tls::alert::unrecognized_name);
    auto tls = std::make_unique<connection>(*context, client.socket.get(), to.termination->alpn,
                                            purpose_of(name, to));
    if (to.termination->clients)
        tls->demand(clients_, *to.termination->clients);
    if (may_offload)
        tls->keep_notes();
    const auto failed = co_await shake(client, *tls, net::clock::now() + handshake_timeout_);
    if (failed) {
        const auto why = judge(client, *tls, failed);
        about.end_now();
        co_await server::close_in_order(thread, about.client.address, client.socket.release());
        co_return why;
    }
    about.in_clear = std::make_unique<server::clear_text_notes>(notes_of(*tls));
    if (!about.id)
        about.id = thread.ids.next();
    const auto offloaded = may_offload ? give_to_kernel(client.socket.get(), *tls) : offload::refused;
    if (offloaded == offload::done) {
        about.in_clear->is_in_kernel = true;
        co_return std::make_unique<kernel_client>(thread, about.client.address, std::move(client.socket));
    }
    if (offloaded == offload::broken) {
        about.detail = "the kernel has taken the keys of one direction only";
        os::close_with_reset(client.socket.release());
        co_return outcome::no_resources;
    }
    co_return begin_relay(client, std::move(tls));
}

} // namespace snipass::terminate
