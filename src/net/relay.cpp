// SPDX-License-Identifier: BSL-1.0
// The life of a relay: what its two sockets tell, its ends, its times. How bytes pass is in relay_bytes.cpp.
#include "snipass/net/relay.hpp"

#include "snipass/handoff/kernel_tls.h"
#include "snipass/net/foreign.hpp"
#include "snipass/net/relay_group.hpp"
#include "snipass/os/buffers.hpp"
#include "snipass/os/client_options.hpp"
#include "snipass/os/error.hpp"
#include "snipass/os/tcp.hpp"
#include "snipass/os/unix_socket.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>

namespace snipass::net {
namespace {

using namespace std::chrono_literals;

// No event tells that the last byte has arrived: look soon, then less often.
constexpr auto first_flush_look = 1ms;
constexpr auto last_flush_look = 50ms;
constexpr unsigned flush_doublings = 6;

// Who takes no byte for so long does not get what came before the RST, only the RST. On a wire it would have
// overtaken all that has not arrived.
constexpr auto longest_stall = 5s;

// The kernel is asked to watch the peers of a relay that has lived so long: most are over before, and it
// takes six system calls.
constexpr auto short_life = 5s;

constexpr unsigned client_tag = 0;
constexpr unsigned backend_tag = 1;

time_point after(time_point start, std::chrono::milliseconds time) noexcept {
    return time > 0ms ? start + time : time_point::max();
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
    case relay_end::client_slow:
        return "client_slow";
    case relay_end::backend_slow:
        return "backend_slow";
    case relay_end::lifetime:
        return "lifetime";
    case relay_end::removed:
        return "removed";
    case relay_end::displaced:
        return "displaced";
    case relay_end::closed_by_admin:
        return "closed_by_admin";
    case relay_end::stopped:
        return "stopped";
    case relay_end::no_memory:
        return "no_memory";
    }
    return "?";
}

std::string_view to_string(relay_side side) noexcept {
    return side == relay_side::client ? "client" : "backend";
}

relay::relay(relay_sockets sockets, const relay_options& options) noexcept
    : client_{std::move(sockets.client)}, backend_{std::move(sockets.backend)}, options_(options),
      started_(clock::now()), last_byte_(started_), looked_at_(started_),
      client_is_shared_(sockets.client_is_shared) {
    backend_.readable = false; // its registration tells; the client has its hello there
    backend_.is_tcp = backend_.may_delay = sockets.backend_is_tcp;
    backend_.may_send_files = !backend_.is_tcp && !os::can_refuse_descriptors();
    client_.is_in_clear = client_is_shared_ && ::kernel_tls_version(&handoff_libc, client_.fd.get()) != 0;
}

relay::~relay() {
    if (group_ != nullptr)
        group_->loop_.forget(*this);
}

error_code relay::watch() {
    const bool is_new = !backend_.is_to_reset; // else the process before has done so
    if (is_new &&
        (backend_.is_tcp || backend_.may_send_files)) // an urgent byte, too, may come with descriptors
        os::take_urgent_inline(backend_.fd.get());
    if (const auto ec = group_->loop_.watch_edges(client_.fd.get(), *this, client_tag))
        return ec;
    return group_->loop_.watch_edges(backend_.fd.get(), *this, backend_tag);
}

void relay::on_ready(unsigned which, std::uint32_t events) {
    if (group_->is_gone())
        return;
    auto& one = which == client_tag ? client_ : backend_;
    constexpr std::uint32_t something_to_read = EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR;
    one.readable = one.readable || (events & something_to_read) != 0;
    one.writable = one.writable || (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0;
    one.urgent = one.urgent || (events & EPOLLPRI) != 0;
    if (which == backend_tag && (events & something_to_read) != 0)
        answered();
    one.hung_up = one.hung_up || (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    if ((events & EPOLLERR) != 0)
        fail(one);
    // Bulk waits in line: whoever says little is heard between two portions of it.
    if (in_turn_.is_linked() || to_backend_.bulk || to_client_.bulk)
        return group_->take_a_turn_later(*this);
    pass_on();
}

void relay::pass_on() {
    pass_on(to_backend_);
    pass_on(to_client_);
    if (client_.failed != backend_.failed)
        discard(client_.failed ? to_client_ : to_backend_);
    settle();
}

void relay::closed(socket& by) noexcept {
    if (!closed_first_)
        closed_first_ = &by == &client_ ? relay_side::client : relay_side::backend;
}

// fail: the socket is dead. What was on its way to it is lost; what it has received can still be read.
void relay::fail(socket& one) {
    if (one.failed)
        return;
    one.failed = true;
    closed(one);
    if (!failure_)
        failure_ = &one == &client_ ? relay_end::client_reset : relay_end::backend_reset;
    auto& towards = &one == &client_ ? to_client_ : to_backend_;
    towards.over = true;
    return_pipe(towards);
}

// over: the last byte has passed. A failed side's end is no FIN: an RST follows in settle().
void relay::over(direction& one) {
    one.over = true;
    closed(one.from);
    // close() sends the last FIN to the backend. A client's socket may have copies, in a process that was
    // offered the client and hangs.
    const bool close_follows = &one == &to_backend_ && to_client_.over && !failure_;
    if (!one.from.failed && !close_follows)
        (void)::shutdown(one.to.fd.get(), SHUT_WR); // ENOTCONN: gone, and the next read says so
}

void relay::settle() {
    if (client_.failed && backend_.failed)
        return end(*failure_);
    if (failure_)
        return flush(client_.failed ? backend_ : client_);
    if (to_backend_.over && to_client_.over)
        end(relay_end::finished);
}

// An RST overtakes what is still in the send queue, so it waits until the other side has got all of it, or
// takes no more.
void relay::flush(socket& to) {
    const bool is_all_sent = to_backend_.over && to_client_.over;
    const int left = os::unsent(to.fd.get());
    if (is_all_sent && left == 0)
        return end(*failure_);
    const auto now = clock::now();
    if (left != unflushed_)
        last_byte_ = now;
    unflushed_ = left;
    if (last_byte_ + longest_stall <= now)
        return end(*failure_);
    if (!is_all_sent) // the socket tells when it has room
        return group_->loop_.arm(*this, last_byte_ + longest_stall);
    flush_looks_ = static_cast<std::uint8_t>(std::min(flush_looks_ + 1U, flush_doublings));
    const auto pause =
        std::min<std::chrono::milliseconds>(first_flush_look * (1U << flush_looks_), last_flush_look);
    group_->loop_.arm(*this, now + pause);
}

void relay::end(relay_end how) {
    if (group_->is_gone())
        return;
    disarm();
    return_pipe(to_backend_);
    return_pipe(to_client_);
    const relay_result result{how, closed_first_, to_backend_.bytes, to_client_.bytes};
    if (client_is_shared_)
        group_->loop_.unwatch(client_.fd.get()); // closing alone would not do, if there are copies
    for (auto* one : {&client_, &backend_})
        group_->count_buffered(one->buffered, 0);
    close(how);
    ended(result);
    group_->bury(*this); // and this may be gone
}

void relay::close(relay_end how) {
    if (backend_.may_send_files) {
        group_->loop_.unwatch(backend_.fd.get()); // another thread may close it
        turn_away(std::move(backend_.fd), options_.backend);
    }
    for (auto* one : {&client_, &backend_}) {
        if (how != relay_end::finished)
            os::close_with_reset(std::move(one->fd));
        else if (one->is_to_reset && one->fd)
            os::reset_at_close(one->fd.get(), false);
        one->fd.reset();
    }
}

void relay::expire() {
    if (group_->is_gone())
        return;
    const auto now = clock::now();
    if (after(started_, options_.max_lifetime) <= now)
        return end(failure_.value_or(relay_end::lifetime));
    const bool is_in_line = in_turn_.is_linked(); // with bytes that nobody has looked at yet
    const auto slow = slow_side(now);
    if (after(last_byte_, options_.idle_timeout) <= now && !is_in_line)
        return end(failure_.value_or(relay_end::idle));
    if (slow)
        return end(*slow);
    if (peers_watched_from() <= now)
        watch_peers();
    set_alarm();
    settle();
}

// The alarm is moved only when it goes off, not for every byte.
void relay::set_alarm() {
    group_->loop_.arm(*this,
                      std::min({after(last_byte_, options_.idle_timeout),
                                after(started_, options_.max_lifetime), peers_watched_from(), next_look()}));
}

time_point relay::peers_watched_from() const noexcept {
    if (peers_are_watched_)
        return time_point::max();
    const auto first = std::min(after(started_, options_.keepalive), after(started_, options_.user_timeout));
    return first == time_point::max() ? first : std::min(first, started_ + short_life);
}

void relay::watch_peers() {
    peers_are_watched_ = true;
    for (const auto* one : {&client_, &backend_})
        os::watch_peer(one->fd.get(), options_.keepalive, options_.user_timeout);
}

} // namespace snipass::net
