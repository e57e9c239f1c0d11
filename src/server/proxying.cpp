// A client on its way to a backend that is reached by relaying.
#include "proxying.hpp"

#include "forwarding.hpp"

#include "snipass/net/connect_race.hpp"
#include "snipass/net/fd_watch.hpp"
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

using namespace std::chrono_literals;
using net::task;

// RFC 8305 section 5: the next address of a name is tried when the one before has not answered for so long.
constexpr auto connection_attempt_delay = 250ms;

struct connected {
    os::unique_fd fd;
    candidate to;
};

// connecting tries a backend's candidates in their order: the next one at once when one fails, or, where both
// are addresses of one name, when it is slow.
class connecting {
  public:
    connecting(net::event_loop& loop, const config::backend_settings& settings,
               std::vector<candidate> candidates, const ip_address& client)
        : settings_(settings), candidates_(std::move(candidates)), race_(loop) {
        if (settings.transparent)
            source_ = client;
    }

    task<result<connected>> run();

  private:
    std::optional<connected> start_next();
    std::optional<connected> take_finished();
    void note_success(const candidate& to) const;

    const config::backend_settings& settings_;
    std::vector<candidate> candidates_;
    std::optional<ip_address> source_; // of the connections
    net::connect_race race_;
    std::vector<std::size_t> started_; // what the race has, by its numbers
    std::size_t next_ = 0;
    net::time_point next_at_ = net::time_point::min();
    error_code last_ = boost::asio::error::host_not_found_try_again; // where there is no address to try
};

task<result<connected>> connecting::run() {
    for (;;) {
        if (auto won = take_finished()) // after each start: one that has won ends the race
            co_return std::move(*won);
        const bool more = next_ < candidates_.size();
        if (more && net::clock::now() >= next_at_) {
            if (auto won = start_next())
                co_return std::move(*won);
            continue;
        }
        if (!more && race_.under_way() == 0)
            co_return last_;
        co_await race_.wait(more ? next_at_ : net::time_point::max());
    }
}

// start_next: a unix socket is connected, or is not, at once.
std::optional<connected> connecting::start_next() {
    const auto number = next_++;
    auto& to = candidates_[number];
    if (!to.endpoint) {
        auto fd = os::connect_unix(to.address->path, SOCK_STREAM);
        if (fd) {
            note_success(to);
            return connected{std::move(*fd), std::move(to)};
        }
        to.state->failed(static_cast<unsigned>(settings_.eject_after));
        last_ = fd.error();
        return std::nullopt;
    }
    const auto now = net::clock::now();
    started_.push_back(number);
    race_.start(*to.endpoint, source_, now + settings_.connect_timeout);
    const bool same_name = next_ < candidates_.size() && candidates_[next_].address == to.address;
    next_at_ = now + (same_name ? connection_attempt_delay : settings_.connect_timeout);
    return std::nullopt;
}

std::optional<connected> connecting::take_finished() {
    while (auto one = race_.finished()) {
        auto& to = candidates_[started_[one->number]];
        if (one->socket) {
            note_success(to);
            return connected{std::move(*one->socket), std::move(to)};
        }
        to.state->failed(static_cast<unsigned>(settings_.eject_after));
        last_ = one->socket.error();
        next_at_ = net::clock::now();
    }
    return std::nullopt;
}

// note_success: a backend whose TLS is checked may accept connections and still not serve; only a check
// tells.
void connecting::note_success(const candidate& to) const {
    if (settings_.check != config::health_check::tls)
        to.state->succeeded();
}

// greet sends what comes before the client's own bytes: the PROXY header, and the bytes that were consumed. A
// fresh connection has room for a header; what another router consumed may be more than that
// (docs/handoff.md).
task<error_code> greet(passage& way, int connection, const config::backend_settings& settings) {
    std::vector<std::uint8_t> first;
    if (settings.header != config::proxy_protocol::none) {
        const auto header = settings.header == config::proxy_protocol::v2 ? net::make_proxy_v2(way.facts())
                                                                          : net::make_proxy_v1(way.facts());
        first.assign(header.begin(), header.end());
    }
    first.insert(first.end(), way.consumed.begin(), way.consumed.end());
    net::fd_watch watch{way.owner.loop(), connection};
    const auto deadline = net::clock::now() + settings.connect_timeout;
    for (byte_view rest{first}; !rest.empty();) {
        const auto n = ::send(connection, rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n >= 0) {
            rest = rest.subspan(static_cast<std::size_t>(n));
            continue;
        }
        if (const auto ec = os::last_error(); !os::would_block(ec))
            co_return ec;
        if (const auto ec = co_await watch.writable(deadline))
            co_return ec;
    }
    co_return error_code{};
}

} // namespace

task<std::optional<outcome>> proxy(passage& way, backend& to) {
    const auto& settings = to.settings();
    if (!to.has_room()) {
        way.note("max_pending clients are waiting for it");
        co_return outcome::backend_max_pending;
    }
    const backend::pending pending{to};
    const auto begun = net::clock::now();
    std::vector<candidate> candidates;
    if (settings.forwards()) {
        auto hosts = co_await find_hosts(way, to);
        if (const auto* const none = std::get_if<outcome>(&hosts))
            co_return way.is_over() ? outcome::client_closed : *none;
        candidates = std::move(std::get<std::vector<candidate>>(hosts));
    } else {
        candidates = to.targets().in_order(way.about.client.address);
    }
    connecting attempt{way.owner.loop(), settings, std::move(candidates), way.about.client.address};
    auto connection = co_await attempt.run();
    if (!connection) {
        way.note(connection.error().message());
        if (way.is_over())
            co_return outcome::client_closed;
        const bool late = connection.error() == boost::asio::error::timed_out;
        const auto status = net::to_status(connection.error());
        co_return late ? outcome::backend_silent : to_outcome(status);
    }
    if (const auto ec = co_await greet(way, connection->fd.get(), settings)) {
        way.note(ec.message());
        co_return outcome::backend_failed;
    }
    to.is_back();
    way.about.address = connection->to.address->text;
    way.about.endpoint = connection->to.endpoint;
    way.about.connect_time = net::clock::now() - begun;
    auto session = std::make_unique<proxied_session>(way.owner, way.site, to, std::move(connection->to.state),
                                                     std::move(way.client), std::move(connection->fd),
                                                     std::move(way.about));
    co_return way.owner.start_relay(std::move(session), way.about);
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
