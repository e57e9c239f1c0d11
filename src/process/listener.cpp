// One worker's socket of one [[listener]].
#include "snipass/process/listener.hpp"

#include "snipass/os/error.hpp"
#include "snipass/os/tcp.hpp"
#include "snipass/process/worker.hpp"
#include "snipass/session/reception.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <utility>

namespace snipass::server {
namespace {

using namespace std::chrono_literals;

// So many clients in a row, then the other sockets' turn.
constexpr std::size_t batch = 64;

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

} // namespace

listener::listener(worker& owner, listener_socket socket)
    : owner_(owner), socket_(std::move(socket)), watch_(owner.loop(), socket_.fd.get()) {
    if (const auto own = os::local_endpoint(socket_.fd.get())) // fails for a unix socket
        own_ = *own;
}

bool listener::takes(const ip_endpoint& one) const {
    if (!own_ || own_->port != one.port)
        return false;
    const bool any = own_->address == ip_address{} || own_->address == ip_address::v4({});
    return any || own_->address == one.address;
}

void listener::use(std::shared_ptr<generation> site, const config::listener_settings& settings) noexcept {
    site_ = std::move(site);
    settings_ = &settings;
}

net::task<> listener::run() {
    while (!stopping_) {
        auto next = accept_some();
        if (next == pace::empty) {
            const auto problem = co_await watch_.news();
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

void listener::stop() {
    stopping_ = true;
    watch_.interrupt(boost::asio::error::operation_aborted);
}

// The first of an own socket is there, or would not have woken us. Then it is cheaper to ask how many more
// wait than to find out by an accept4 that finds nobody (os::accept_queue_size).
listener::pace listener::accept_some() {
    std::size_t wanted = socket_.lent ? std::min(waiting(), batch) : 1;
    for (std::size_t accepted = 0; accepted < batch; wanted = std::min(waiting(), batch - accepted)) {
        if (wanted == 0)
            return pace::empty;
        for (; wanted > 0; --wanted, ++accepted) {
            const auto ec = accept_one();
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
    const bool made_room = os::is_transient(ec) && owner_.make_room();
    if (made_room && ec == os::make_error(EMFILE))
        return pace::again; // a descriptor of our own is free now
    if (os::is_transient(ec))
        owner_.accepting_pauses();
    else if (is_broken(ec) && !std::exchange(told_broken_, true))
        owner_.listener_is_broken(socket_.address);
    return pace::rest; // anything else is one client's network error (accept(2)), and it may be gone
}

// waiting is how many clients wait to be accepted, as far as it can be known.
std::size_t listener::waiting() const {
    if (socket_.kind != socket_kind::tcp)
        return batch;
    const auto size = os::accept_queue_size(socket_.fd.get());
    return size ? *size : batch; // accept4(2) will tell what is wrong
}

error_code listener::accept_one() {
    if (socket_.kind == socket_kind::handoff_stream)
        return accept_handoff(owner_, site_, *settings_, socket_.fd.get());
    if (socket_.kind == socket_kind::handoff_datagram)
        return receive_datagram(owner_, site_, *settings_, socket_.fd.get());
    auto client = os::accept_client(socket_.fd.get());
    if (!client)
        return client.error();
    owner_.start_session(site_, *settings_, std::move(*client));
    return {};
}

} // namespace snipass::server
