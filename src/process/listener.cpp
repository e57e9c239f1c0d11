// SPDX-License-Identifier: BSL-1.0
// One worker's socket of one [[listener]].
#include "snipass/process/listener.hpp"

#include "snipass/net/wait_error.hpp"
#include "snipass/os/error.hpp"
#include "snipass/os/tcp.hpp"
#include "snipass/session/reception.hpp"
#include "snipass/session/seeing_off.hpp"
#include "snipass/session/session.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <new>
#include <utility>

namespace snipass::server {
namespace {

using namespace std::chrono_literals;

// So many clients in a row, then the other sockets' turn.
constexpr std::size_t batch = 64;

// Of a socket that several workers wait on, the kernel always tells the same one first, while it waits. After
// so many clients in a row it is the others' turn: connections that stay are every worker's, and so are
// bounds.
constexpr std::size_t clients_in_a_row = 8;

// Without descriptors, or on a lent socket that somebody else has shut down, accept4 fails at once, again and
// again: rest instead of spinning.
constexpr auto rest_time = 20ms;

constexpr auto longest_farewell = 1s;

// The socket itself is no good any more, as when another holder of a lent one has shut it down.
bool is_broken(const error_code& ec) {
    return ec.value() == EINVAL || ec.value() == EBADF || ec.value() == ENOTSOCK || ec.value() == EOPNOTSUPP;
}

net::time_point end_of_pause(listener::pace reason) {
    return net::clock::now() + (reason == listener::pace::rest ? rest_time : 0ms);
}

// receive_and_serve is the way of a client whose handoff comes on `connection`. `snapshot` keeps `settings`.
net::task<> receive_and_serve(context& thread, std::shared_ptr<configuration_snapshot> snapshot,
                              const config::listener_settings& settings, os::unique_fd connection) {
    const in_flight::client counted{thread.clients};
    auto client = co_await receive_stream(thread, settings, std::move(connection));
    if (client)
        thread.loop.spawn(serve(thread, std::move(snapshot), settings, std::move(*client)));
}

} // namespace

std::string_view to_string(socket_kind one) noexcept {
    switch (one) {
    case socket_kind::tcp:
        return "tcp";
    case socket_kind::handoff_stream:
        return "handoff_stream";
    case socket_kind::handoff_datagram:
        return "handoff_datagram";
    case socket_kind::farewell:
        return "farewell";
    }
    return "";
}

listener::listener(context& thread, listener_socket socket)
    : thread_(thread), socket_(std::move(socket)), watch_(thread.loop, socket_.fd.get()) {
    socket_.file.own();
    if (const auto own = os::local_endpoint(socket_.fd.get())) // fails for a unix socket
        thread_.listening.push_back(own_.emplace(*own));
}

listener::~listener() {
    auto& all = thread_.listening;
    if (own_) // once: a socket that is being closed may have the same address
        all.erase(std::ranges::find(all, *own_));
}

void listener::use(std::shared_ptr<configuration_snapshot> snapshot,
                   const config::listener_settings& settings) {
    snapshot_ = std::move(snapshot);
    settings_ = &settings;
    within_.clear();
    for (const auto& one : snapshot_->config->listeners)
        if (own_ && one.endpoint && includes(*own_, *one.endpoint))
            within_.push_back(&one);
}

std::optional<upgrade::listener> listener::state() const {
    if (socket_.lent || stopping_)
        return std::nullopt;
    upgrade::listener known;
    known.address = socket_.address;
    known.kind = to_string(socket_.kind);
    if (own_) {
        known.bound = *own_;
        return known;
    }
    if (!socket_.file.is_there())
        return std::nullopt;
    known.path = socket_.file.path();
    known.device = socket_.file.device();
    known.inode = socket_.file.inode();
    return known;
}

// leave_backlog: a datagram socket that nobody reaches any more is read to its end here.
void listener::leave_backlog() noexcept {
    if (socket_.kind == socket_kind::handoff_datagram && !socket_.file.is_there())
        return;
    socket_.lent = true;
    socket_.file.leave();
}

// settings_for: what the file says of the address that the client connected to. Of those within ours the one
// that is just this address comes first, then that for all of IPv4.
const config::listener_settings& listener::settings_for(int client) const {
    if (within_.empty())
        return *settings_;
    const auto local = os::local_endpoint(client);
    const auto* best = settings_;
    for (const auto* const one : within_) {
        if (local && *one->endpoint == *local)
            return *one;
        if (local && includes(*one->endpoint, *local))
            best = one;
    }
    return *best;
}

net::task<> listener::run() {
    while (!stopping_) {
        if (resting_) {
            (void)co_await watch_.pause(net::time_point::max());
            continue;
        }
        auto next = accept_some();
        if (next == pace::empty) {
            give_turn();
            const auto problem = co_await watch_.shared_news();
            if (!problem || stopping_)
                continue;
            next = pace_after(problem); // epoll_ctl(2) wants memory
        }
        (void)co_await watch_.pause(end_of_pause(next)); // a stop ends it early
    }
    socket_.file = {};
    if (!socket_.lent && socket_.kind != socket_kind::handoff_stream)
        co_await serve_backlog();
}

void listener::give_turn() {
    if (!socket_.shared || accepted_ < clients_in_a_row)
        return;
    watch_.step_back();
    accepted_ = 0;
}

// serve_backlog takes who waits in the backlog of a socket that is about to be closed, in turns with
// everybody else, and not for ever: others may go on coming. A datagram that is in the queue when it is
// closed is a client lost, and so is one that comes after the last look: its sender has to be told first.
net::task<> listener::serve_backlog() {
    if (socket_.kind == socket_kind::handoff_datagram)
        (void)::shutdown(socket_.fd.get(), SHUT_RD);
    const auto until = net::clock::now() + longest_farewell;
    for (auto next = accept_some(); next != pace::empty && net::clock::now() < until; next = accept_some())
        (void)co_await watch_.pause(end_of_pause(next));
}

void listener::rest() {
    resting_ = true;
    watch_.interrupt(net::wait_error::cancelled);
}

void listener::go_on() {
    resting_ = false;
    watch_.interrupt(net::wait_error::cancelled);
}

void listener::stop() {
    stopping_ = true;
    watch_.interrupt(net::wait_error::cancelled);
}

// The first is there, or would not have woken us, unless another worker was quicker. Then it is cheaper to
// ask how many more wait than to find out by an accept4 that finds nobody (os::accept_queue_size).
listener::pace listener::accept_some() {
    std::size_t wanted = 1;
    for (std::size_t accepted = 0; accepted < batch; wanted = std::min(waiting(), batch - accepted)) {
        if (wanted == 0)
            return pace::empty;
        for (; wanted > 0; --wanted, ++accepted) {
            const auto ec = try_to_accept_one();
            accepted_ += ec ? 0 : 1;
            if (!ec)
                continue;
            if (os::would_block(ec))
                return pace::empty;
            return pace_after(ec);
        }
    }
    return pace::again;
}

listener::pace listener::pace_after(const error_code& ec) {
    const bool made_room = os::is_transient(ec) && thread_.make_room();
    if (made_room && ec == os::make_error(EMFILE))
        return pace::again; // a descriptor of our own is free now
    if (os::is_transient(ec))
        thread_.counters.accept_paused.add();
    else if (is_broken(ec) && !std::exchange(told_broken_, true))
        thread_.events.write(
            config::log_level::error,
            socket_.lent
                ? "nobody can be accepted: another process has shut the socket down (restart the socket unit)"
                : "nobody can be accepted: the socket was shut down (restart this service)",
            {{"listener", socket_.address}, {"why", ec.message()}});
    return pace::rest; // anything else is one client's network error (accept(2)), and it may be gone
}

// waiting is how many clients wait to be accepted, as far as it can be known.
std::size_t listener::waiting() const {
    if (socket_.kind != socket_kind::tcp)
        return batch;
    const auto size = os::accept_queue_size(socket_.fd.get());
    return size ? *size : batch; // accept4(2) will tell what is wrong
}

// try_to_accept_one: of a client for whom there is no memory only the socket was there, and it is closed.
error_code listener::try_to_accept_one() {
    try {
        return accept_one();
    } catch (const std::bad_alloc&) {
        return os::make_error(ENOMEM);
    }
}

error_code listener::accept_one() {
    switch (socket_.kind) {
    case socket_kind::tcp:
        return accept_client();
    case socket_kind::handoff_stream:
        return accept_handoff();
    case socket_kind::handoff_datagram:
        return take_datagram();
    case socket_kind::farewell:
        return accept_farewell();
    }
    return {};
}

error_code listener::accept_client() {
    auto client = os::accept_client(socket_.fd.get());
    if (!client)
        return client.error();
    const auto& settings = settings_for(client->fd.get());
    thread_.loop.spawn(serve(thread_, snapshot_, settings, std::move(*client)));
    return {};
}

error_code listener::accept_handoff() {
    os::unique_fd connection{::accept4(socket_.fd.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
    if (!connection)
        return os::last_error();
    thread_.loop.spawn(receive_and_serve(thread_, snapshot_, *settings_, std::move(connection)));
    return {};
}

error_code listener::accept_farewell() {
    os::unique_fd connection{::accept4(socket_.fd.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
    if (!connection)
        return os::last_error();
    thread_.loop.spawn(see_off(thread_, std::move(connection)));
    return {};
}

error_code listener::take_datagram() {
    auto client = receive_datagram(thread_, *settings_, socket_.fd.get());
    if (!client)
        return client.error();
    if (*client)
        thread_.loop.spawn(serve(thread_, snapshot_, *settings_, std::move(**client)));
    return {};
}

} // namespace snipass::server
