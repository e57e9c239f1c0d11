// A client on its way to a backend.
#include "snipass/server/delivery.hpp"

#include "snipass/base/alpn_list.hpp"
#include "snipass/base/host_name.hpp"
#include "snipass/net/connect.hpp"
#include "snipass/net/handoff.hpp"
#include "snipass/net/proxy_header.hpp"
#include "snipass/net/relay.hpp"
#include "snipass/net/sleeper.hpp"
#include "snipass/os/error.hpp"
#include "snipass/os/tcp.hpp"
#include "snipass/os/unix_socket.hpp"
#include "snipass/server/worker.hpp"

#include <boost/asio/error.hpp>

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

namespace snipass::server {
namespace {

using namespace std::chrono_literals;
using net::handoff_status;
using net::task;

// A datagram backend's queue is short and its reader quick: look again soon, then less often.
constexpr auto first_retry = 1ms;
constexpr auto last_retry = 50ms;

// The client's connection has failed, or both sides are closed: there is nobody left to serve.
bool is_gone(const os::unique_fd& client) {
    pollfd one{client.get(), 0, 0};
    return ::poll(&one, 1, 0) > 0;
}

std::string describe(const net::handoff_result& last) {
    return last.error ? last.error.message() : std::string{to_string(to_outcome(last.status))};
}

// delivery is the frame of one client's way. The client's bytes are still in its socket, or, on the way to a
// `datagram` backend that had no room after all, in consumed_.
class delivery {
  public:
    delivery(worker& owner, generation& site, os::unique_fd& client, net::hello_peeker& peeker,
             record& about) noexcept
        : owner_(owner), site_(site), client_(client), peeker_(peeker), record_(about) {}

    task<outcome> run(std::size_t first);

  private:
    using attempt = net::handoff_result;

    task<outcome> hand_off(backend& to);
    task<attempt> hold(backend& to, attempt last);
    task<attempt> offer(backend& to);
    task<attempt> offer_stream(std::string_view path, net::time_point deadline);
    task<attempt> offer_datagram(net::datagram_channel& channel, net::time_point deadline);
    attempt try_datagram(net::datagram_channel& channel);

    task<outcome> proxy(backend& to);
    task<result<os::unique_fd>> connect(const config::backend_settings& to);
    task<result<os::unique_fd>> connect(const config::proxy_address& to, net::time_point deadline);

    error_code greet(int connection, config::proxy_protocol protocol);

    result<byte_view> first_bytes();
    [[nodiscard]] net::proxy_facts facts(); // valid until the next call
    void note(std::string_view what);

    worker& owner_;
    generation& site_;
    os::unique_fd& client_;
    net::hello_peeker& peeker_;
    record& record_;
    std::vector<std::uint8_t> consumed_; // the client's first bytes, once they are no longer in its socket
    std::optional<host_name> name_;      // what facts() points to
    std::optional<net::unique_id> id_;
};

task<outcome> delivery::run(std::size_t first) {
    auto end = outcome::backend_failed;
    for (std::optional at{first}; at;) {
        auto& to = *site_.backends[*at];
        record_.backend = to.settings().name;
        if (to.settings().proxy.empty())
            end = co_await hand_off(to);
        else
            end = co_await proxy(to);
        if (!client_ || end == outcome::client_closed)
            break;
        at = to.settings().sorry;
    }
    co_return end;
}

task<outcome> delivery::hand_off(backend& to) {
    if (!to.has_room()) {
        note("max_pending clients are waiting for it");
        co_return outcome::backend_busy;
    }
    const backend::pending pending{to};
    auto last = co_await offer(to);
    if (last.status != handoff_status::taken)
        last = co_await hold(to, last);
    if (last.status == handoff_status::taken) {
        to.is_back();
    } else if (is_gone(client_)) {
        co_return outcome::client_closed;
    } else {
        note(describe(last));
    }
    co_return to_outcome(last.status);
}

// hold keeps the client and offers it again, while the backend is away.
task<delivery::attempt> delivery::hold(backend& to, attempt last) {
    const auto until = net::clock::now() + to.settings().hold;
    if (to.settings().hold <= 0ms)
        co_return last;
    backend::held place{to, owner_.loop()};
    while (last.status != handoff_status::taken && !is_gone(client_)) {
        co_await place.wait(until);
        if (net::clock::now() >= until)
            break;
        last = co_await offer(to);
    }
    co_return last;
}

// offer makes one round of the backend's addresses.
task<delivery::attempt> delivery::offer(backend& to) {
    attempt last;
    const auto& settings = to.settings();
    for (std::size_t i = 0; i < settings.handoff.size(); ++i) {
        const auto deadline = net::clock::now() + settings.ack_timeout;
        // No conditional expression: GCC 12 evaluates both sides of one that has co_await in it.
        if (settings.protocol == config::handoff_protocol::stream)
            last = co_await offer_stream(settings.handoff[i], deadline);
        else
            last = co_await offer_datagram(to.channels()[i], deadline);
        if (last.status == handoff_status::taken)
            break;
    }
    co_return last;
}

task<delivery::attempt> delivery::offer_stream(std::string_view path, net::time_point deadline) {
    // A stream backend finds the whole hello in the socket, so a client whose bytes were consumed is not for
    // it.
    if (!consumed_.empty())
        co_return attempt{handoff_status::failed, os::make_error(ENOMSG)};
    const auto header = net::make_proxy_v2(facts());
    co_return co_await net::hand_off_stream(owner_.loop(), path, client_, header, deadline);
}

task<delivery::attempt> delivery::offer_datagram(net::datagram_channel& channel, net::time_point deadline) {
    auto last = try_datagram(channel);
    for (auto retry = first_retry; last.status == handoff_status::busy;
         retry = std::min(2 * retry, last_retry)) {
        const auto now = net::clock::now();
        if (now >= deadline)
            break;
        net::sleeper sleeper{owner_.loop()};
        co_await sleeper.sleep(std::min(now + retry, deadline));
        last = try_datagram(channel);
    }
    co_return last;
}

// try_datagram consumes the client's first bytes only when the channel is believed to have room. Where that
// was wrong they are kept for the next attempt; a receiver that was restarted is tried again at once.
delivery::attempt delivery::try_datagram(net::datagram_channel& channel) {
    attempt last;
    for (int round = 0; round < 2; ++round) {
        const auto bytes = first_bytes();
        if (!bytes)
            return {handoff_status::failed, bytes.error()};
        last = channel.ready(bytes->size());
        if (last.status != handoff_status::taken)
            return last;
        if (consumed_.empty()) {
            const auto n = os::discard(client_.get(), bytes->size());
            if (!n)
                return {handoff_status::failed, n.error()};
        }
        last = channel.send(client_, *bytes);
        if (last.status == handoff_status::taken)
            return last;
        if (consumed_.empty())
            consumed_.assign(bytes->begin(), bytes->end());
        if (last.status != handoff_status::refused)
            return last;
    }
    return last;
}

task<outcome> delivery::proxy(backend& to) {
    const auto& settings = to.settings();
    if (!to.has_room()) {
        note("max_pending clients are waiting for it");
        co_return outcome::backend_busy;
    }
    std::optional<backend::pending> pending{to};
    auto connection = co_await connect(settings);
    pending.reset();
    if (!connection) {
        note(connection.error().message());
        if (is_gone(client_))
            co_return outcome::client_closed;
        const bool late = connection.error() == boost::asio::error::timed_out;
        co_return late ? outcome::backend_silent : to_outcome(net::to_status(connection.error()));
    }
    if (const auto ec = greet(connection->get(), settings.header)) {
        note(ec.message());
        co_return outcome::backend_failed;
    }
    const auto end =
        co_await net::relay(owner_.loop(), std::move(client_), std::move(*connection), settings.idle_timeout);
    record_.to_backend = end.to_backend;
    record_.to_client = end.to_client;
    record_.relay_end = end.end;
    co_return outcome::proxied;
}

// connect tries the backend's addresses in order, and of a name all that it resolves to.
task<result<os::unique_fd>> delivery::connect(const config::backend_settings& to) {
    result<os::unique_fd> last = os::make_error(EHOSTUNREACH);
    for (const auto& address : to.proxy) {
        last = co_await connect(address, net::clock::now() + to.connect_timeout);
        if (last)
            break;
    }
    co_return last;
}

task<result<os::unique_fd>> delivery::connect(const config::proxy_address& to, net::time_point deadline) {
    if (!to.path.empty())
        co_return os::connect_unix(to.path, SOCK_STREAM);
    const auto found = co_await net::resolve(owner_.loop(), to.host, to.port, deadline);
    if (!found)
        co_return found.error();
    result<os::unique_fd> last = os::make_error(EHOSTUNREACH);
    for (const auto& endpoint : *found) {
        last = co_await net::connect_tcp(owner_.loop(), endpoint, deadline);
        if (last)
            break;
    }
    co_return last;
}

// greet sends what comes before the client's own bytes: the PROXY header, and the bytes that were consumed.
// The connection is fresh, so its buffer has room for both.
error_code delivery::greet(int connection, config::proxy_protocol protocol) {
    std::vector<std::uint8_t> first;
    if (protocol != config::proxy_protocol::none) {
        const auto header = protocol == config::proxy_protocol::v2 ? net::make_proxy_v2(facts())
                                                                   : net::make_proxy_v1(facts());
        first.assign(header.begin(), header.end());
    }
    first.insert(first.end(), consumed_.begin(), consumed_.end());
    if (first.empty())
        return {};
    const auto n = ::send(connection, first.data(), first.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0)
        return os::last_error();
    return static_cast<std::size_t>(n) == first.size() ? error_code{} : os::make_error(ENOBUFS);
}

// first_bytes is what a datagram carries: what was consumed, or what is in the socket, at least the whole
// hello.
result<byte_view> delivery::first_bytes() {
    if (!consumed_.empty())
        return byte_view{consumed_};
    if (!peeker_.is_current(owner_.buffer())) {
        const auto state = peeker_.look(client_.get(), owner_.buffer());
        if (!state)
            return state.error();
    }
    return peeker_.bytes();
}

net::proxy_facts delivery::facts() {
    const auto local = os::local_endpoint(client_.get()); // fails only for a client that is gone
    net::proxy_facts facts;
    facts.client = record_.client;
    facts.local = local ? *local : ip_endpoint{};
    if (!id_)
        id_ = owner_.next_id();
    facts.id = *id_;
    if (!record_.hello)
        return facts;
    const alpn_list offer{as_bytes(record_.hello->alpn)};
    if (!offer.empty())
        facts.alpn = offer.front();
    const auto& sent = record_.hello->server_name;
    name_ = sent ? host_name::parse(*sent) : std::nullopt;
    if (name_)
        facts.host_name = name_->text();
    return facts;
}

void delivery::note(std::string_view what) {
    if (!record_.detail.empty())
        record_.detail += "; ";
    record_.detail += record_.backend;
    record_.detail += ": ";
    record_.detail += what;
}

} // namespace

task<outcome> deliver(worker& owner, generation& site, os::unique_fd& client, net::hello_peeker& peeker,
                      record& about, std::size_t first) {
    delivery one{owner, site, client, peeker, about};
    co_return co_await one.run(first);
}

} // namespace snipass::server
