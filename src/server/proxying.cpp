// A client on its way to a backend that is reached by relaying.
#include "proxying.hpp"

#include "snipass/net/connect.hpp"
#include "snipass/os/error.hpp"
#include "snipass/os/tcp.hpp"
#include "snipass/os/unix_socket.hpp"
#include "snipass/server/proxied_session.hpp"

#include <boost/asio/error.hpp>

#include <sys/socket.h>

#include <memory>
#include <vector>

namespace snipass::server {
namespace {

using net::task;

struct connected {
    os::unique_fd fd;
    std::string_view address; // as written
};

task<result<os::unique_fd>> connect(net::event_loop& loop, const config::proxy_address& to,
                                    net::time_point deadline) {
    if (!to.path.empty())
        co_return os::connect_unix(to.path, SOCK_STREAM);
    const auto found = co_await net::resolve(loop, to.host, to.port, deadline);
    if (!found)
        co_return found.error();
    result<os::unique_fd> last = os::make_error(EHOSTUNREACH);
    for (const auto& endpoint : *found) {
        last = co_await net::connect_tcp(loop, endpoint, deadline);
        if (last)
            break;
    }
    co_return last;
}

// connect tries the backend's addresses in order, and of a name all that it resolves to.
task<result<connected>> connect(net::event_loop& loop, const config::backend_settings& to) {
    error_code last = os::make_error(EHOSTUNREACH);
    for (const auto& address : to.proxy) {
        auto fd = co_await connect(loop, address, net::clock::now() + to.connect_timeout);
        if (fd)
            co_return connected{std::move(*fd), address.text};
        last = fd.error();
    }
    co_return last;
}

// greet sends what comes before the client's own bytes: the PROXY header, and the bytes that were consumed.
// The connection is fresh, so its buffer has room for both.
error_code greet(passage& way, int connection, config::proxy_protocol protocol) {
    std::vector<std::uint8_t> first;
    if (protocol != config::proxy_protocol::none) {
        const auto header = protocol == config::proxy_protocol::v2 ? net::make_proxy_v2(way.facts())
                                                                   : net::make_proxy_v1(way.facts());
        first.assign(header.begin(), header.end());
    }
    first.insert(first.end(), way.consumed.begin(), way.consumed.end());
    if (first.empty())
        return {};
    const auto n = ::send(connection, first.data(), first.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0)
        return os::last_error();
    return static_cast<std::size_t>(n) == first.size() ? error_code{} : os::make_error(ENOBUFS);
}

} // namespace

task<std::optional<outcome>> proxy(passage& way, backend& to) {
    const auto& settings = to.settings();
    if (!to.has_room()) {
        way.note("max_pending clients are waiting for it");
        co_return outcome::backend_busy;
    }
    const backend::pending pending{to};
    const auto begun = net::clock::now();
    auto connection = co_await connect(way.owner.loop(), settings);
    if (!connection) {
        way.note(connection.error().message());
        if (way.is_over())
            co_return outcome::client_closed;
        const bool late = connection.error() == boost::asio::error::timed_out;
        co_return late ? outcome::backend_silent : to_outcome(net::to_status(connection.error()));
    }
    if (const auto ec = greet(way, connection->fd.get(), settings.header)) {
        way.note(ec.message());
        co_return outcome::backend_failed;
    }
    os::watch_peer(way.client.get(), settings.keepalive, settings.user_timeout);
    os::watch_peer(connection->fd.get(), settings.keepalive, settings.user_timeout);
    to.is_back();
    way.about.address = connection->address;
    way.about.connect_time = net::clock::now() - begun;
    co_return way.owner.start_relay(std::make_unique<proxied_session>(
        way.owner, way.site, to, std::move(way.client), std::move(connection->fd), std::move(way.about)));
}

task<std::optional<outcome>> hold_for_proxy(passage& way, backend& to, std::optional<outcome> last) {
    const auto until = net::clock::now() + to.settings().hold;
    const auto detail = way.about.detail; // each attempt would add to it
    way.about.backend = to.settings().name;
    backend::held place{to, way.owner.loop()};
    while (way.client && !way.is_over() && net::clock::now() < until) {
        const bool my_turn = co_await place.wait(until);
        if (!my_turn)
            continue;
        way.about.detail = detail;
        last = co_await proxy(way, to);
        if (!last)
            break;
    }
    co_return last;
}

} // namespace snipass::server
