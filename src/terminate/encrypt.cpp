// SPDX-License-Identifier: BSL-1.0
// What the client says, encrypted again for a backend.
#include "snipass/net/fd_watch.hpp"
#include "snipass/os/error.hpp"
#include "snipass/os/unix_socket.hpp"
#include "snipass/terminate/connection.hpp"
#include "snipass/terminate/plaintext_relay.hpp"
#include "snipass/terminate/service.hpp"
#include "snipass/terminate/shaking.hpp"

#include "snipass/base/host_name.hpp"
#include "snipass/base/ip_address.hpp"

#include <string>
#include <utility>

namespace snipass::terminate {
namespace {

using net::task;

// outlive is as long as the client's relay has the other end, or the backend something to hear.
task<> outlive(std::unique_ptr<server::in_clear> clear, server::in_flight::client counted) {
    (void)co_await clear->ended();
    (void)counted;
}

} // namespace

std::string name_of(const config::backend_encryption& how, std::string_view host, std::string_view asked) {
    if (!how.name.empty())
        return how.name;
    return std::string{!host.empty() && !ip_address::parse(host) ? host : asked};
}

std::string objection(const connection& tls, std::string_view protocol) {
    if (tls.protocol() == protocol || (tls.protocol().empty() && protocol == "http/1.1"))
        return {};
    return "it does not speak " + std::string{protocol} + ", which the client speaks (alpn)";
}

task<result<os::unique_fd>> service::encrypt(server::routed_client& client, os::unique_fd backend,
                                             const config::backend_settings& to, std::string_view host,
                                             net::time_point deadline) {
    auto& thread = client.thread;
    const auto& how = *to.termination->encryption;
    const auto& hello = client.about.hello;
    const auto asked = hello ? hello->host_name() : std::nullopt;
    const auto name = name_of(how, host, asked ? asked->text() : std::string_view{});
    if (name.empty()) {
        client.note("TLS: nobody has said what name the backend's certificate has; write backend_name");
        co_return os::make_error(EPROTO);
    }
    const auto& protocol = client.about.in_clear->protocol;
    auto tls = std::make_unique<connection>(towards_backends_.of(to.name), backend.get(), clients_,
                                            how.authorities, name, protocol);
    error_code ec;
    {
        net::fd_watch watch{thread.loop, backend.get()};
        const net::interruption::cover displaced{client.displacement(), watch};
        ec = co_await shake_hands(*tls, tls->shake(), watch, deadline);
    }
    const bool has_failed = ec == os::make_error(EPROTO);
    if (ec && !has_failed)
        co_return ec;
    if (const auto why = has_failed ? tls->why() : objection(*tls, protocol); !why.empty()) {
        client.note("TLS: " + why);
        co_return os::make_error(EPROTO);
    }
    auto ends = os::pair();
    if (!ends)
        co_return ends.error();
    std::unique_ptr<server::in_clear> made =
        std::make_unique<plaintext_relay>(thread, nullptr, std::move(backend), std::move(tls));
    made->begin({std::move(ends->near)}, {});
    thread.loop.spawn(outlive(std::move(made), server::in_flight::client{thread.clients}));
    co_return std::move(ends->far);
}

} // namespace snipass::terminate
