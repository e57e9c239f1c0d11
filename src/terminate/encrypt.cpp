// SPDX-License-Identifier: BSL-1.0
// What the client says, encrypted again for a backend.
#include "snipass/net/fd_watch.hpp"
#include "snipass/os/error.hpp"
#include "snipass/os/unix_socket.hpp"
#include "snipass/terminate/connection.hpp"
#include "snipass/terminate/plaintext_relay.hpp"
#include "snipass/terminate/service.hpp"

#include "snipass/base/host_name.hpp"
#include "snipass/base/ip_address.hpp"

#include <string>
#include <utility>

namespace snipass::terminate {
namespace {

using net::task;

// name_of is the name that the backend's certificate must have. Empty: nobody has said one.
std::string name_of(const config::backend_encryption& how, std::string_view host,
                    const server::record& about) {
    if (!how.name.empty())
        return how.name;
    if (!host.empty() && !ip_address::parse(host))
        return std::string{host};
    const auto asked = about.hello ? about.hello->host_name() : std::nullopt;
    return std::string{asked ? asked->text() : std::string_view{}};
}

// objection is what is wrong with a handshake that has come to its end. Empty: nothing.
std::string objection(const connection& tls, progress how, std::string_view protocol) {
    if (how != progress::done)
        return tls.why();
    if (tls.protocol() == protocol || (tls.protocol().empty() && protocol == "http/1.1"))
        return {};
    return "it does not speak " + std::string{protocol} + ", which the client speaks (alpn)";
}

// outlive is as long as the client's relay has the other end, or the backend something to hear.
task<> outlive(std::unique_ptr<server::in_clear> clear, server::in_flight::client counted) {
    (void)co_await clear->ended();
    (void)counted;
}

} // namespace

task<result<os::unique_fd>> service::encrypt(server::routed_client& client, os::unique_fd backend,
                                             const config::backend_settings& to, std::string_view host,
                                             net::time_point deadline) {
    auto& thread = client.thread;
    const auto& how = *to.termination->encryption;
    const auto name = name_of(how, host, client.about);
    if (name.empty()) {
        client.note("TLS: nobody has said what name the backend's certificate has; write backend_name");
        co_return os::make_error(EPROTO);
    }
    const auto& protocol = client.about.in_clear->protocol;
    auto tls = std::make_unique<connection>(*towards_backends_, backend.get(), clients_, how.authorities,
                                            name, protocol);
    auto step = tls->shake();
    {
        net::fd_watch watch{thread.loop, backend.get()};
        const net::interruption::cover displaced{client.displacement(), watch};
        while (step == progress::wants_readable || step == progress::wants_writable) {
            error_code ec;
            if (step == progress::wants_readable)
                ec = co_await watch.readable(deadline);
            else
                ec = co_await watch.writable(deadline);
            if (ec)
                co_return ec;
            step = tls->shake();
        }
    }
    if (const auto why = objection(*tls, step, protocol); !why.empty()) {
        client.note("TLS: " + why);
        co_return os::make_error(EPROTO);
    }
    auto ends = os::pair();
    if (!ends)
        co_return ends.error();
    plaintext_sides sides{std::move(backend), std::move(tls), std::move(ends->near), std::move(ends->far)};
    std::unique_ptr<server::in_clear> made =
        std::make_unique<plaintext_relay>(thread, nullptr, std::move(sides));
    auto far = made->take_end().release();
    thread.loop.spawn(outlive(std::move(made), server::in_flight::client{thread.clients}));
    co_return far;
}

} // namespace snipass::terminate
