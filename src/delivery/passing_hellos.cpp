// SPDX-License-Identifier: BSL-1.0
// The router under the TLS of a backend, for as long as hellos are said. One side at a time is listened to:
// the client until the backend has to answer, and the backend until it has.
#include "passing_hellos.hpp"

#include "aead.hpp"

#include "snipass/handoff/ech_filter.h"
#include "snipass/net/fd_watch.hpp"
#include "snipass/net/wait_error.hpp"
#include "snipass/os/error.hpp"
#include "snipass/os/tcp.hpp"
#include "snipass/proxy_protocol/ech_state.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>

namespace snipass::server {
namespace {

using net::task;

constexpr std::size_t portion = 4'096;
using buffer = std::array<std::uint8_t, portion>;

class hello_exchange {
  public:
    hello_exchange(routed_client& client, int backend, net::time_point deadline)
        : client_(client), backend_(backend), deadline_(deadline) {
        auto value = proxy_protocol::ech_value(*client.ech);
        has_begun_ = ech_filter_begin(&filter_, value.data(), value.size(), open_aead) == ech_filter_fine;
        ::explicit_bzero(value.data(), value.size());
    }
    ~hello_exchange() { ech_filter_end(&filter_); }
    hello_exchange(const hello_exchange&) = delete;
    hello_exchange& operator=(const hello_exchange&) = delete;

    task<> run();

  private:
    // What has been seen of the backend's answer tells whether it is one to wait for.
    enum class next {
        go_on,
        over, // whatever comes now is relayed
        cut,
    };

    task<next> listen_to_client();
    task<next> listen_to_backend();
    task<next> pass_retry_request();
    task<error_code> send(int to, byte_view bytes);
    task<error_code> wait(int on, bool to_write);
    void end();

    routed_client& client_;
    int backend_;
    net::time_point deadline_;
    ech_filter filter_{};
    bool has_begun_ = false;
};

// wait: nobody can have the place of a client that has said a part, nor can the next process; the deadline is
// soon.
task<error_code> hello_exchange::wait(int on, bool to_write) {
    net::fd_watch watch{client_.thread.loop, on};
    if (to_write)
        co_return co_await watch.writable(deadline_);
    co_return co_await watch.readable(deadline_);
}

task<error_code> hello_exchange::send(int to, byte_view bytes) {
    while (!bytes.empty()) {
        const auto n = ::send(to, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n >= 0) {
            bytes = bytes.subspan(static_cast<std::size_t>(n));
            continue;
        }
        if (const auto ec = os::last_error(); !os::would_block(ec))
            co_return ec;
        if (const auto ec = co_await wait(to, true))
            co_return ec;
    }
    co_return error_code{};
}

// listen_to_client passes on what is there. A client that has ended, or has failed, is the relay's to see to.
task<hello_exchange::next> hello_exchange::listen_to_client() {
    buffer room;
    for (;;) {
        while (const auto n = ech_filter_take(&filter_, room.data(), room.size()))
            if (const auto ec = co_await send(backend_, byte_view{room}.first(n)))
                co_return ec == net::wait_error::timed_out ? next::cut : next::over;
        if (filter_.status != ech_filter_fine)
            co_return next::cut;
        if (ech_filter_is_over(&filter_))
            co_return next::over;
        const auto wanted = std::min(ech_filter_wants(&filter_), room.size());
        const auto n = ::recv(client_.socket.get(), room.data(), wanted, MSG_DONTWAIT);
        if (n > 0) {
            ech_filter_give(&filter_, room.data(), static_cast<std::size_t>(n));
            continue;
        }
        if (n == 0 || !os::would_block(os::last_error()))
            co_return next::over;
        if (!filter_.is_answered)
            co_return next::go_on;
        if (co_await wait(client_.socket.get(), false))
            co_return next::cut;
    }
}

// listen_to_backend looks until it is clear what the answer is. All of it stays where it is; a backend that
// ends, or says nothing more of it at a look, has answered.
task<hello_exchange::next> hello_exchange::listen_to_backend() {
    std::array<std::uint8_t, ech_filter_answer_size> seen;
    for (std::size_t shown = 0; !filter_.is_answered;) {
        const auto n = ::recv(backend_, seen.data(), seen.size(), MSG_PEEK | MSG_DONTWAIT);
        const bool is_nothing = n < 0 && os::would_block(os::last_error());
        if (n == 0 || (n < 0 && !is_nothing) || (n > 0 && static_cast<std::size_t>(n) == shown))
            co_return next::over;
        if (n > 0) {
            const auto fresh = byte_view{seen}.subspan(shown, static_cast<std::size_t>(n) - shown);
            ech_filter_show(&filter_, fresh.data(), fresh.size());
            shown = static_cast<std::size_t>(n);
            if (filter_.is_answered)
                break;
        }
        (void)os::wait_for_bytes(backend_, shown + 1); // a unix socket does without
        if (co_await wait(backend_, false))
            co_return next::cut;
    }
    (void)os::wait_for_bytes(backend_, 1);
    if (!filter_.is_retried)
        co_return next::go_on;
    co_return co_await pass_retry_request();
}

// pass_retry_request: what does not fit into one read is not the request's, and waits for the relay.
task<hello_exchange::next> hello_exchange::pass_retry_request() {
    buffer room;
    const auto n = ::recv(backend_, room.data(), room.size(), MSG_DONTWAIT);
    if (n <= 0)
        co_return next::over;
    const auto ec = co_await send(client_.socket.get(), byte_view{room}.first(static_cast<std::size_t>(n)));
    co_return ec ? next::cut : next::go_on;
}

void hello_exchange::end() {
    const bool is_theirs = filter_.status != ech_filter_fine && has_begun_;
    std::string why = "ECH: ";
    if (filter_.status == ech_filter_not_rebuilt)
        why += ech_hello_status_text(filter_.why_not_rebuilt);
    else
        why += is_theirs ? ech_filter_text(filter_.status) : "its hellos have not all come in time";
    client_.note(why);
    const std::array<std::uint8_t, 7> alert{21, 3, 3, 0, 2, 2, ech_filter_alert(filter_.status)};
    if (is_theirs)
        (void)os::send_now(client_.socket.get(), alert);
    (void)::shutdown(backend_, SHUT_RDWR);
}

task<> hello_exchange::run() {
    auto then = has_begun_ ? next::go_on : next::cut;
    while (then == next::go_on) {
        then = co_await listen_to_client();
        if (then == next::go_on)
            then = co_await listen_to_backend();
    }
    if (then == next::cut)
        end();
}

} // namespace

task<> pass_hellos(routed_client& client, int backend, net::time_point deadline) {
    hello_exchange exchange{client, backend, deadline};
    client.ech = nullptr;
    co_await exchange.run();
}

} // namespace snipass::server
