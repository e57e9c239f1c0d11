// Both directions between a client and a proxied backend.
#include "snipass/net/relay.hpp"

#include "snipass/net/relay_group.hpp"
#include "snipass/os/error.hpp"
#include "snipass/os/tcp.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

namespace snipass::net {
namespace {

using namespace std::chrono_literals;

// After so many chunks in a row it is the other relays' turn. A chunk is the buffer's content or the pipe's.
constexpr int chunks_in_a_row = 4;

// A splice that moved less than this would have been cheaper as a copy (measured: they are even at some 8 to
// 32 KB).
constexpr ssize_t worth_splicing = 16 << 10;

// No event tells that the last byte has arrived: look soon, then less often.
constexpr auto first_flush_look = 1ms;
constexpr auto last_flush_look = 50ms;
constexpr unsigned flush_doublings = 6;

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
    case relay_end::lifetime:
        return "lifetime";
    case relay_end::removed:
        return "removed";
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

relay::relay(os::unique_fd client, os::unique_fd backend, const relay_options& options) noexcept
    : client_{std::move(client)}, backend_{std::move(backend)}, options_(options), started_(clock::now()),
      last_byte_(started_) {
    backend_.readable = false; // its registration tells; the client has its hello there
}

relay::~relay() {
    if (group_ != nullptr)
        group_->loop_.forget(*this);
}

error_code relay::watch() {
    for (const auto* one : {&client_, &backend_})
        os::take_urgent_inline(one->fd.get());
    if (const auto ec = group_->loop_.watch_edges(client_.fd.get(), *this, client_tag))
        return ec;
    return group_->loop_.watch_edges(backend_.fd.get(), *this, backend_tag);
}

void relay::on_ready(unsigned which, std::uint32_t events) {
    auto& one = which == client_tag ? client_ : backend_;
    constexpr std::uint32_t something_to_read = EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR;
    one.readable = one.readable || (events & something_to_read) != 0;
    one.writable = one.writable || (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0;
    one.urgent = one.urgent || (events & EPOLLPRI) != 0;
    one.hung_up = one.hung_up || (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    if ((events & EPOLLERR) != 0)
        fail(one);
    pass_on();
}

void relay::pass_on() {
    pass_on(to_backend_);
    pass_on(to_client_);
    settle();
}

// pass_on moves bytes until the direction blocks, ends, or has had its share.
void relay::pass_on(direction& one) {
    for (int i = 0; i < chunks_in_a_row; ++i)
        if (one.over || !move_some(one))
            return;
    group_->take_a_turn_later(*this);
}

// move_some: false if nothing more can pass now. What is in the pipe goes first: the end of a direction is
// seen only when its pipe is empty.
bool relay::move_some(direction& one) {
    if (one.in_pipe > 0)
        return empty_pipe(one);
    if (!one.from.readable || !one.to.writable)
        return false;
    if (!options_.client_is_shared)
        one.pipe = group_->pipes_.lend();
    const bool spliced = one.pipe && one.bulk && !one.from.urgent;
    const auto n = !one.pipe ? copy_with_care(one) : spliced ? splice_in(one) : copy(one);
    const bool blocked = n < 0 && os::would_block(os::last_error());
    if (one.in_pipe == 0)
        return_pipe(one);
    if (n > 0) {
        last_byte_ = clock::now();
        return !one.over;
    }
    if (blocked) {
        one.from.readable = false;
        return false;
    }
    if (n == 0 && spliced) { // it says so in front of an urgent byte, too
        one.bulk = false;
        return true;
    }
    if (n < 0)
        fail(one.from);
    over(one);
    return false;
}

// copy passes a chunk through the group's buffer: for little it is cheaper than splicing. What the other side
// has no room for waits in the pipe.
ssize_t relay::copy(direction& one) {
    const auto room = std::min(group_->buffer_.size(), one.pipe.capacity);
    const auto n = ::recv(one.from.fd.get(), group_->buffer_.data(), room, MSG_DONTWAIT);
    if (n <= 0)
        return n;
    auto size = static_cast<std::size_t>(n);
    const bool is_last = one.from.hung_up && size < room && read_the_end(one, size, room);
    one.bulk = size == room;
    // The socket is empty, and what comes next is announced (epoll(7)); but an end that was announced already
    // is not announced again, and a read ends in front of an urgent byte, too.
    one.from.readable = size == room || one.from.hung_up || one.from.urgent;
    const auto sent = send(one, group_->buffer_.data(), size, is_last ? MSG_MORE : 0);
    if (is_last && sent == size)
        over(one);
    if (sent < size && !one.over)
        keep(one, group_->buffer_.data() + sent, size - sent);
    return n;
}

// keep: an empty pipe takes all that is not more than its capacity (pipe(7)), unless there is no memory for
// its pages. Bytes that are lost so must not go unnoticed.
void relay::keep(direction& one, const std::uint8_t* bytes, std::size_t size) {
    const auto n = ::write(one.pipe.write_end.get(), bytes, size);
    one.in_pipe = size;
    if (n == static_cast<ssize_t>(size))
        return;
    failure_ = relay_end::no_memory;
    client_.failed = backend_.failed = true;
    to_backend_.over = to_client_.over = true;
}

// read_the_end adds what is left to read of a side that has hung up; true if its FIN comes next. The last
// bytes and the FIN then leave as one segment.
bool relay::read_the_end(direction& one, std::size_t& size, std::size_t room) {
    const auto n = ::recv(one.from.fd.get(), group_->buffer_.data() + size, room - size, MSG_DONTWAIT);
    if (n > 0)
        size += static_cast<std::size_t>(n);
    else if (n < 0 && !os::would_block(os::last_error()))
        fail(one.from); // this call took the error: nothing else tells of it any more
    return n == 0;
}

// copy_with_care needs no pipe: only what has been sent is taken out of the socket.
ssize_t relay::copy_with_care(direction& one) {
    const auto n =
        ::recv(one.from.fd.get(), group_->buffer_.data(), group_->buffer_.size(), MSG_PEEK | MSG_DONTWAIT);
    if (n <= 0)
        return n;
    const auto sent = send(one, group_->buffer_.data(), static_cast<std::size_t>(n));
    if (sent > 0)
        (void)!::recv(one.from.fd.get(), group_->buffer_.data(), sent, MSG_DONTWAIT);
    return n;
}

// splice_in goes on while there is much to come: the more passes at once, the less often the other side is
// woken (measured: a tenth of the cost of bulk).
ssize_t relay::splice_in(direction& one) {
    ssize_t n = 0;
    do {
        n = ::splice(one.from.fd.get(), nullptr, one.pipe.write_end.get(), nullptr,
                     one.pipe.splice_capacity() - one.in_pipe, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
        if (n > 0)
            one.in_pipe += static_cast<std::size_t>(n);
    } while (n >= worth_splicing && one.in_pipe < one.pipe.splice_capacity());
    if (one.in_pipe == 0)
        return n;
    if (n < 0 && !os::would_block(os::last_error()))
        fail(one.from); // this call took the error: nothing else tells of it any more
    one.bulk = one.in_pipe >= std::size_t{worth_splicing};
    return static_cast<ssize_t>(one.in_pipe); // an end is asked for again when the pipe is empty
}

// empty_pipe asks for exactly what is in the pipe: for more, the kernel would hold the last segment back as
// if more were to come (MSG_MORE), for up to 200 ms.
bool relay::empty_pipe(direction& one) {
    if (!one.to.writable)
        return false;
    const auto n = ::splice(one.pipe.read_end.get(), nullptr, one.to.fd.get(), nullptr, one.in_pipe,
                            SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
    if (n < 0) {
        one.to.writable = false;
        if (!os::would_block(os::last_error()))
            fail(one.to);
        return false;
    }
    last_byte_ = clock::now();
    one.in_pipe -= static_cast<std::size_t>(n);
    one.bytes += static_cast<std::size_t>(n);
    if (one.in_pipe == 0)
        return_pipe(one);
    return true;
}

std::size_t relay::send(direction& one, const std::uint8_t* bytes, std::size_t size, int flags) {
    const auto n = ::send(one.to.fd.get(), bytes, size, flags | MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0) {
        one.to.writable = false;
        if (!os::would_block(os::last_error()))
            fail(one.to);
        return 0;
    }
    const auto sent = static_cast<std::size_t>(n);
    one.to.writable = sent == size;
    one.bytes += sent;
    return sent;
}

void relay::return_pipe(direction& one) {
    if (one.pipe)
        group_->pipes_.give_back(std::exchange(one.pipe, {}), one.in_pipe == 0);
    one.in_pipe = 0;
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
    if (!to_backend_.over || !to_client_.over)
        return;
    if (!failure_)
        return end(relay_end::finished);
    flush(client_.failed ? backend_ : client_);
}

// An RST overtakes what is still in the send queue, so it waits until the other side has got all of it.
void relay::flush(socket& to) {
    const int left = os::unsent(to.fd.get());
    if (left == 0)
        return end(*failure_);
    if (left != unflushed_)
        last_byte_ = clock::now();
    unflushed_ = left;
    flush_looks_ = static_cast<std::uint8_t>(std::min(flush_looks_ + 1U, flush_doublings));
    const auto pause =
        std::min<std::chrono::milliseconds>(first_flush_look * (1U << flush_looks_), last_flush_look);
    group_->loop_.arm(*this, clock::now() + pause);
}

void relay::end(relay_end how) {
    disarm();
    return_pipe(to_backend_);
    return_pipe(to_client_);
    const relay_result result{how, closed_first_, to_backend_.bytes, to_client_.bytes};
    group_->loop_.unwatch(client_.fd.get()); // closing alone would not do, if there are copies
    for (auto* one : {&client_, &backend_})
        how == relay_end::finished ? one->fd.reset() : os::close_with_reset(std::move(one->fd));
    ended(result);
    group_->bury(*this); // and this may be gone
}

void relay::expire() {
    const auto now = clock::now();
    if (after(started_, options_.max_lifetime) <= now)
        return end(relay_end::lifetime);
    if (after(last_byte_, options_.idle_timeout) <= now)
        return end(relay_end::idle);
    if (peers_watched_from() <= now)
        watch_peers();
    set_alarm();
    settle();
}

// The alarm is moved only when it goes off, not for every byte.
void relay::set_alarm() {
    group_->loop_.arm(*this, std::min({after(last_byte_, options_.idle_timeout),
                                       after(started_, options_.max_lifetime), peers_watched_from()}));
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
