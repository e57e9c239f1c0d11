// One worker's socket of one [[listener]].
#include "snipass/server/listener.hpp"

#include "snipass/os/error.hpp"
#include "snipass/os/tcp.hpp"
#include "snipass/server/worker.hpp"

#include <boost/asio/error.hpp>

namespace snipass::server {
namespace {

using namespace std::chrono_literals;

// So many clients in a row, then the other sockets' turn.
constexpr int batch = 64;

// Without descriptors accept4 fails at once, again and again: rest instead of spinning.
constexpr auto rest_time = 20ms;

// The socket itself is no good any more, as when another holder of a lent one has shut it down.
bool is_broken(const error_code& ec) {
    return ec.value() == EINVAL || ec.value() == EBADF || ec.value() == ENOTSOCK || ec.value() == EOPNOTSUPP;
}

} // namespace

listener::listener(worker& owner, listener_socket socket)
    : owner_(owner), socket_(std::move(socket)), watch_(owner.loop(), socket_.fd.get()) {}

void listener::use(std::shared_ptr<generation> site, const config::listener_settings& settings) noexcept {
    site_ = std::move(site);
    settings_ = &settings;
}

net::task<> listener::run() {
    while (!stopping_) {
        const auto interrupted = co_await watch_.readable(net::time_point::max());
        if (interrupted)
            continue;
        const auto next = accept_some();
        if (next == pace::wait || next == pace::again)
            continue;
        if (next == pace::rest)
            owner_.out_of_descriptors();
        (void)co_await watch_.pause(net::clock::now() + rest_time); // a stop ends it early
    }
    while (!socket_.lent && accept_some() == pace::again) {
    }
}

void listener::stop() {
    stopping_ = true;
    watch_.interrupt(boost::asio::error::operation_aborted);
}

listener::pace listener::accept_some() {
    for (int i = 0; i < batch; ++i) {
        auto client = os::accept_client(socket_.fd.get());
        if (client) {
            owner_.start_session(site_, *settings_, std::move(*client));
            continue;
        }
        if (os::would_block(client.error()))
            return pace::wait;
        if (os::is_transient(client.error()))
            return pace::rest;
        if (is_broken(client.error()))
            return pace::broken;
        // Anything else is that one client's network error (accept(2)), and it is gone.
    }
    return pace::again;
}

} // namespace snipass::server
