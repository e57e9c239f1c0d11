// SPDX-License-Identifier: BSL-1.0
// One client's TLS on one side, one end of a socket pair on the other.
#include "snipass/terminate/plaintext_relay.hpp"

#include "snipass/os/error.hpp"
#include "snipass/os/tcp.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <new>
#include <utility>

namespace snipass::terminate {
namespace {

using namespace std::chrono_literals;
using server::client_socket;

constexpr unsigned client_tag = 0;
constexpr unsigned backend_tag = 1;

// As much as a record holds (RFC 8446, section 5.1).
constexpr std::size_t chunk = 16'384;

// After so much it is the others' turn: a quarter of a millisecond's work.
constexpr std::size_t share_of_a_turn = 256U << 10;
constexpr int moves_in_a_turn = 64; // of few bytes, or of none

// The kernel is asked to watch the client of a relay that has lived so long: most are over before.
constexpr auto short_life = 5s;
constexpr auto keepalive = 60s; // as a proxied backend's by default
constexpr auto user_timeout = 300s;

constexpr auto longest_stall = 5s; // of a backend that does not read what a failed client has said

} // namespace

plaintext_relay::plaintext_relay(server::context& thread, const ip_address* source, plaintext_sides sides)
    : thread_(thread), sides_(std::move(sides)), waiter_(thread.loop) {
    sides_.tls->begin_to_stream();
    if (thread.loop.watch_edges(sides_.client.get(), *this, client_tag))
        throw std::bad_alloc{}; // what else epoll_ctl(2) may lack
    if (thread.loop.watch_edges(sides_.near.get(), *this, backend_tag)) {
        thread.loop.unwatch(sides_.client.get()); // the router may have its copy still
        throw std::bad_alloc{};
    }
    auto* const gone = source != nullptr ? thread.in_clear.enter(*this, *source) : nullptr;
    if (gone != nullptr)
        static_cast<plaintext_relay*>(gone)->end(net::relay_end::displaced);
    if (is_over_)
        return;
    thread.loop.arm(*this, net::clock::now() + short_life);
    thread.loop.arm(next_turn_, net::time_point::min()); // the request may have come with the handshake's end
}

plaintext_relay::~plaintext_relay() {
    if (!is_over_)
        end(net::relay_end::stopped);
    thread_.loop.forget(*this);
}

net::task<> plaintext_relay::give_back(server::client_socket end) {
    (void)::shutdown(end.get(), SHUT_RDWR); // closing alone would not do: who was offered it may have a copy
    end.close();
    co_return;
}

net::task<std::optional<net::relay_result>> plaintext_relay::ended() {
    while (!is_over_)
        co_await waiter_.sleep(net::time_point::max());
    co_return result_;
}

void plaintext_relay::on_ready(unsigned which, std::uint32_t events) {
    constexpr std::uint32_t to_read = EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR;
    const bool readable = (events & to_read) != 0;
    const bool writable = (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0;
    if (which == client_tag) {
        client_is_readable_ = client_is_readable_ || readable || (writable && reading_needs_room_);
        client_is_writable_ = client_is_writable_ || writable || (readable && writing_needs_bytes_);
        if ((events & EPOLLERR) != 0 && (!to_backend_.empty() || client_has_ended_))
            client_failed(); // nobody reads from it to find out
    } else {
        backend_is_readable_ = backend_is_readable_ || readable;
        backend_is_writable_ = backend_is_writable_ || writable;
        if ((events & EPOLLHUP) != 0)
            backend_is_gone();
    }
    if (!is_over_ && !next_turn_.is_linked()) // else it is in line already
        pass_on();
}

std::span<std::uint8_t> plaintext_relay::buffer() {
    return thread_.buffer.first(chunk);
}

// pass_on moves bytes until both directions block or end, or have had their share.
void plaintext_relay::pass_on() {
    const auto before = result_.to_backend + result_.to_client;
    bool moved = true;
    for (int i = 0; moved && i < moves_in_a_turn; ++i) {
        if (result_.to_backend + result_.to_client - before >= share_of_a_turn)
            break;
        moved = move_to_backend();
        moved = move_to_client() || moved;
    }
    settle();
    if (moved && !is_over_)
        thread_.loop.arm(next_turn_, net::time_point::min());
}

// move_to_backend: false if nothing more can pass now. What was kept goes first.
bool plaintext_relay::move_to_backend() {
    if (to_backend_is_over_)
        return false;
    if (!to_backend_.empty()) {
        if (!backend_is_writable_)
            return false;
        send_to_backend(std::exchange(to_backend_, {}));
    } else if (client_has_ended_) {
        to_backend_is_over_ = true;
        (void)::shutdown(sides_.near.get(), SHUT_WR);
        return false;
    } else if (client_is_readable_) {
        decrypt();
    } else {
        return false;
    }
    return true;
}

void plaintext_relay::decrypt() {
    std::size_t n = 0;
    const auto room = buffer();
    switch (sides_.tls->read(room, n)) {
    case progress::done:
        return send_to_backend(room.first(n));
    case progress::wants_writable:
        reading_needs_room_ = true;
        client_is_readable_ = false;
        return;
    case progress::wants_readable:
        reading_needs_room_ = false;
        client_is_readable_ = !sides_.tls->below().is_dry();
        return;
    case progress::ended:
        client_has_ended_ = true;
        return closed(net::relay_side::client);
    case progress::failed:
        return client_failed();
    }
}

void plaintext_relay::send_to_backend(std::span<const std::uint8_t> bytes) {
    const auto n = ::send(sides_.near.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && !os::would_block(os::last_error()))
        return backend_is_gone();
    const auto sent = static_cast<std::size_t>(std::max<ssize_t>(n, 0));
    result_.to_backend += sent;
    backend_is_writable_ = sent == bytes.size();
    to_backend_.assign(bytes.begin() + static_cast<std::ptrdiff_t>(sent), bytes.end());
}

// backend_is_gone: nobody will read what the client says. What the backend has said is still said to the
// client.
void plaintext_relay::backend_is_gone() {
    if (!to_backend_is_over_)
        closed(net::relay_side::backend);
    backend_is_deaf_ = to_backend_is_over_ = true;
    to_backend_ = {};
}

// move_to_client: as move_to_backend. Nothing is taken out of the pair that cannot be said at once.
bool plaintext_relay::move_to_client() {
    if (to_client_is_over_ || !client_is_writable_)
        return false;
    if (!to_client_.empty()) {
        encrypt(std::exchange(to_client_, {}));
        return true;
    }
    if (backend_has_ended_) {
        say_end();
        return false;
    }
    if (!backend_is_readable_)
        return false;
    const auto room = buffer();
    const auto n = ::recv(sides_.near.get(), room.data(), room.size(), MSG_DONTWAIT);
    if (n > 0)
        encrypt(room.first(static_cast<std::size_t>(n)));
    else if (n < 0 && os::would_block(os::last_error()))
        backend_is_readable_ = false;
    else { // ECONNRESET: it has closed without having read all
        backend_has_ended_ = true;
        closed(net::relay_side::backend);
    }
    return n > 0 || backend_has_ended_;
}

void plaintext_relay::encrypt(std::span<const std::uint8_t> bytes) {
    while (!bytes.empty()) {
        std::size_t n = 0;
        const auto how = sides_.tls->write(bytes, n);
        if (how != progress::done) {
            if (how != progress::wants_writable && how != progress::wants_readable)
                return client_failed();
            writing_needs_bytes_ = how == progress::wants_readable;
            client_is_writable_ = false;
            to_client_.assign(bytes.begin(), bytes.end());
            return;
        }
        result_.to_client += n;
        bytes = bytes.subspan(n);
    }
}

// say_end: a server's close_notify, and FIN behind it (RFC 8446, section 6.1).
void plaintext_relay::say_end() {
    const auto how = sides_.tls->end();
    if (how == progress::wants_writable) {
        client_is_writable_ = false;
        return;
    }
    to_client_is_over_ = true;
    (void)::shutdown(sides_.client.get(), SHUT_WR); // ENOTCONN: reset meanwhile
}

// client_failed: an RST, or what no TLS stack would send. What was decrypted before is still the backend's;
// it hears an end then, because a socket pair has no other way to tell.
void plaintext_relay::client_failed() {
    if (std::exchange(client_has_failed_, true))
        return;
    closed(net::relay_side::client);
    client_has_ended_ = to_client_is_over_ = true;
    client_is_readable_ = false;
    to_client_ = {};
    thread_.loop.arm(*this,
                     net::clock::now() + longest_stall); // a backend that does not read is not waited for
}

void plaintext_relay::closed(net::relay_side by) noexcept {
    if (!result_.closed_first)
        result_.closed_first = by;
}

void plaintext_relay::settle() {
    if (is_over_)
        return;
    if (client_has_failed_ && to_backend_is_over_)
        return end(net::relay_end::client_reset);
    if (to_client_is_over_ && client_has_ended_ && to_backend_is_over_)
        return end(net::relay_end::finished);
    if (to_client_is_over_ && backend_is_deaf_)
        linger();
}

// linger: all is said to a client that still talks, and nobody listens.
void plaintext_relay::linger() {
    const auto next = farewell_.look(sides_.client.get(), net::clock::now());
    if (!next)
        return end(net::relay_end::finished);
    thread_.loop.arm(*this, *next);
}

void plaintext_relay::expire() {
    if (client_has_failed_)
        return end(net::relay_end::client_reset);
    if (!std::exchange(peer_is_watched_, true))
        os::watch_peer(sides_.client.get(), keepalive, user_timeout);
    settle();
}

void plaintext_relay::end(net::relay_end how) {
    is_over_ = true;
    result_.end = how;
    disarm();
    next_turn_.disarm();
    leave();
    // Closing alone would not do while the router has its copy of the client, or nobody has taken the far
    // end.
    thread_.loop.unwatch(sides_.client.get());
    sides_.near.reset();
    const bool was_told =
        how == net::relay_end::client_reset && !sides_.tls->below().problem(); // by an alert
    if (was_told)
        (void)os::finish(sides_.client.get(), {});
    if (how == net::relay_end::finished || was_told)
        sides_.client.reset();
    else
        os::close_with_reset(std::move(sides_.client));
    waiter_.wake();
}

} // namespace snipass::terminate
