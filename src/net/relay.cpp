// Both directions between a client and a proxied backend.
#include "snipass/net/relay.hpp"

#include "snipass/net/both_of.hpp"
#include "snipass/os/error.hpp"

#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include <sys/socket.h>

#include <array>
#include <optional>
#include <span>

namespace snipass::net {

namespace asio = boost::asio;

namespace {

using stream_descriptor = asio::posix::basic_stream_descriptor<event_loop::executor_type>;

constexpr std::size_t chunk_size = 16'384;

// session is the pair of sockets, and what the two directions share. Its alarm is the idle timeout: moved
// only when it goes off, not for every byte.
class session final : private alarm {
  public:
    session(event_loop& loop, os::unique_fd client, os::unique_fd backend,
            std::chrono::milliseconds idle_timeout)
        : client_(loop.io().get_executor(), client.release()),
          backend_(loop.io().get_executor(), backend.release()), loop_(loop), idle_timeout_(idle_timeout) {
        loop_.arm(*this, last_byte_ + idle_timeout_);
    }
    ~session() = default;

    [[nodiscard]] stream_descriptor& client() noexcept { return client_; }
    [[nodiscard]] stream_descriptor& backend() noexcept { return backend_; }
    [[nodiscard]] const std::optional<relay_end>& failure() const noexcept { return failure_; }

    void touch() noexcept { last_byte_ = clock::now(); }

    // fail ends both directions. The first failure is the one that is told.
    void fail(relay_end end) {
        if (!failure_)
            failure_ = end;
        boost::system::error_code ignored; // cancel fails only for a descriptor that is not open
        client_.cancel(ignored);
        backend_.cancel(ignored);
    }

  private:
    void expire() override {
        if (const auto due = last_byte_ + idle_timeout_; due > clock::now())
            return loop_.arm(*this, due);
        fail(relay_end::idle);
    }

    stream_descriptor client_;
    stream_descriptor backend_;
    event_loop& loop_;
    std::chrono::milliseconds idle_timeout_;
    time_point last_byte_ = clock::now();
    std::optional<relay_end> failure_;
};

// One end of a direction: its socket, and what to report when that socket fails.
struct endpoint {
    stream_descriptor& socket;
    relay_end on_failure;
};

auto ready(stream_descriptor& socket, stream_descriptor::wait_type what) {
    return completion<error_code>([&socket, what](auto done) { socket.async_wait(what, done); });
}

// write_all sends every byte of `bytes`, waiting for room as often as need be. False: the relay has failed.
task<bool> write_all(session& both, endpoint to, std::span<const std::uint8_t> bytes) {
    while (!bytes.empty()) {
        const auto n =
            ::send(to.socket.native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n >= 0) {
            bytes = bytes.subspan(static_cast<std::size_t>(n));
            continue;
        }
        if (!os::would_block(os::last_error())) {
            both.fail(to.on_failure);
            co_return false;
        }
        const auto [ec] = co_await ready(to.socket, stream_descriptor::wait_write);
        if (ec || both.failure())
            co_return false;
    }
    co_return true;
}

// pass_on is one direction, from the first byte to the FIN. Returns the number of bytes.
task<std::uint64_t> pass_on(session& both, endpoint from, endpoint to) {
    std::uint64_t total = 0;
    std::array<std::uint8_t, chunk_size> chunk;
    while (!both.failure()) {
        const auto n = ::recv(from.socket.native_handle(), chunk.data(), chunk.size(), MSG_DONTWAIT);
        if (n > 0) {
            both.touch();
            const auto size = static_cast<std::size_t>(n);
            if (!co_await write_all(both, to, {chunk.data(), size}))
                break;
            total += size;
            continue;
        }
        if (n == 0) {
            (void)::shutdown(to.socket.native_handle(), SHUT_WR); // ENOTCONN: gone, and the next read says so
            break;
        }
        if (!os::would_block(os::last_error())) {
            both.fail(from.on_failure);
            break;
        }
        const auto [ec] = co_await ready(from.socket, stream_descriptor::wait_read);
        if (ec)
            break;
    }
    co_return total;
}

} // namespace

std::string_view to_string(relay_end end) noexcept {
    switch (end) {
    case relay_end::finished:
        return "finished";
    case relay_end::client_reset:
        return "client_reset";
    case relay_end::backend_reset:
        return "backend_reset";
    case relay_end::idle:
        return "idle";
    }
    return "?";
}

task<relay_result> relay(event_loop& loop, os::unique_fd client, os::unique_fd backend,
                         std::chrono::milliseconds idle_timeout) {
    session both{loop, std::move(client), std::move(backend), idle_timeout};
    const endpoint client_end{both.client(), relay_end::client_reset};
    const endpoint backend_end{both.backend(), relay_end::backend_reset};
    const auto [to_backend, to_client] = co_await both_of(loop, pass_on(both, client_end, backend_end),
                                                          pass_on(both, backend_end, client_end));
    co_return relay_result{both.failure().value_or(relay_end::finished), to_backend, to_client};
}

} // namespace snipass::net
