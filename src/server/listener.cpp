// One worker's socket of one [[listener]].
#include "snipass/server/listener.hpp"

#include "snipass/os/error.hpp"
#include "snipass/os/tcp.hpp"
#include "snipass/server/reception.hpp"
#include "snipass/server/worker.hpp"

#include <boost/asio/error.hpp>

namespace snipass::server {
namespace {

using namespace std::chrono_literals;

// So many clients in a row, then the other sockets' turn.
constexpr int batch = 64;

// Without descriptors accept4 fails at once, again and again: rest instead of spinning.
constexpr auto rest_time = 20ms;

constexpr auto longest_farewell = 1s;

// The socket itself is no good any more, as when another holder of a lent one has shut it down.
bool is_broken(const error_code& ec) {
    return ec.value() == EINVAL || ec.value() == EBADF || ec.value() == ENOTSOCK || ec.value() == EOPNOTSUPP;
}

} // namespace

listener::listener(worker& owner, listener_socket socket)
    : owner_(owner), socket_(std::move(socket)), watch_(owner.loop(), socket_.fd.get()) {}

bool listener::takes(const ip_endpoint& one) const {
    const auto own = os::local_endpoint(socket_.fd.get()); // fails for a unix socket
    if (!own || own->port != one.port)
        return false;
    const bool any = own->address == ip_address{} || own->address == ip_address::v4({});
    return any || own->address == one.address;
}

void listener::use(std::shared_ptr<generation> site, const config::listener_settings& settings) noexcept {
    site_ = std::move(site);
    settings_ = &settings;
}

net::task<> listener::run() {
    while (!stopping_) {
        const auto problem = co_await watch_.readable(net::time_point::max());
        if (stopping_)
            break;
        const auto next = problem ? pace::rest : accept_some(); // epoll_ctl(2) wants memory
        if (next == pace::wait || next == pace::again)
            continue;
        if (next == pace::rest)
            owner_.out_of_descriptors();
        else if (!std::exchange(told_broken_, true))
            owner_.listener_is_broken(socket_.address);
        (void)co_await watch_.pause(net::clock::now() + rest_time); // a stop ends it early
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
    for (auto next = accept_some(); next == pace::again || next == pace::rest; next = accept_some()) {
        if (next == pace::rest)
            owner_.out_of_descriptors();
        const auto now = net::clock::now();
        if (now >= until)
            break;
        (void)co_await watch_.pause(next == pace::rest ? now + rest_time : now);
    }
}

void listener::stop() {
    stopping_ = true;
    watch_.interrupt(boost::asio::error::operation_aborted);
}

listener::pace listener::accept_some() {
    for (int i = 0; i < batch; ++i) {
        const auto ec = accept_one();
        if (!ec)
            continue;
        if (os::would_block(ec))
            return pace::wait;
        if (os::is_transient(ec))
            return pace::rest;
        if (is_broken(ec))
            return pace::broken;
        // Anything else is that one client's network error (accept(2)), and it is gone.
    }
    return pace::again;
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
