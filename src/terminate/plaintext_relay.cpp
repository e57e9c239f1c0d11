// SPDX-License-Identifier: BSL-1.0
// The life of a relay between a client's TLS and a socket pair: what its two sockets tell, its ends, its
// times. How bytes pass is in plaintext_bytes.cpp.
#include "snipass/terminate/plaintext_relay.hpp"

#include "snipass/os/error.hpp"
#include "snipass/os/tcp.hpp"
#include "snipass/os/unix_socket.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <new>
#include <utility>

namespace snipass::terminate {
namespace {

using namespace std::chrono_literals;

constexpr unsigned client_tag = 0;
constexpr unsigned backend_tag = 1;

// After so much it is the others' turn: a quarter of a millisecond's work.
constexpr std::size_t share_of_a_turn = 256U << 10;
constexpr int moves_in_a_turn = 64; // of few bytes, or of none

// The kernel is asked to watch the client of a relay that has lived so long: most are over before.
constexpr auto short_life = 5s;
constexpr auto keepalive = 60s; // as a proxied backend's by default
constexpr auto user_timeout = 300s;

constexpr auto longest_stall = 5s; // of a backend that does not read what a failed client has said

} // namespace

plaintext_relay::plaintext_relay(server::context& thread, const ip_address* source, os::unique_fd client,
                                 std::unique_ptr<connection> tls)
    : thread_(thread), client_(std::move(client)), tls_(std::move(tls)), waiter_(thread.loop) {
    auto* const gone = source != nullptr ? thread.in_clear.enter(*this, *source) : nullptr;
    if (gone != nullptr)
        static_cast<plaintext_relay*>(gone)->end(net::relay_end::displaced);
}

// stream: this process reads what the client says from here on.
void plaintext_relay::stream() {
    if (std::exchange(is_streaming_, true))
        return;
    tls_->begin_to_stream();
    if (thread_.loop.watch_edges(client_.get(), *this, client_tag))
        throw std::bad_alloc{}; // what else epoll_ctl(2) may lack
}

void plaintext_relay::begin(server::near_end near, byte_view untold) {
    is_hearing_ = false;
    backend_ = std::move(near);
    if (is_over_) // it has made room for another one
        return server::end_near(std::move(backend_));
    to_backend_.insert(to_backend_.begin(), untold.begin(), untold.end());
    stream();
    watch_backend();
    thread_.loop.arm(*this, net::clock::now() + short_life);
    thread_.loop.arm(next_turn_, net::time_point::min()); // the request may be there
}

void plaintext_relay::watch_backend() {
    if (may_send_files())
        os::take_urgent_inline(backend_.fd.get()); // an urgent byte, too, may come with descriptors
    if (backend_.fd && thread_.loop.watch_edges(backend_.fd.get(), *this, backend_tag))
        throw std::bad_alloc{};
}

// may_send_files: to receive descriptors is to close them, which takes as long as who sent them likes.
bool plaintext_relay::may_send_files() const noexcept {
    return backend_.party != 0 && !os::can_refuse_descriptors();
}

plaintext_relay::~plaintext_relay() {
    if (!is_over_)
        end(net::relay_end::stopped);
    thread_.loop.forget(*this);
}

net::task<> plaintext_relay::give_back(server::client_socket /*end*/, byte_view last_words) {
    if (is_over_)
        co_return;
    stream();
    if (!last_words.empty())
        encrypt(last_words);
    backend_has_ended_ = true;
    backend_is_gone();
    begin({}, {});
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
        client_is_readable_ = client_is_readable_ || readable;
        client_is_writable_ = client_is_writable_ || writable;
        if (is_hearing_)
            return waiter_.wake();
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

// pass_on: it is the loop that calls, which knows no client: for want of memory this one alone ends.
void plaintext_relay::pass_on() {
    try {
        move_both_ways();
    } catch (const std::bad_alloc&) {
        end(net::relay_end::no_memory);
    }
}

// move_both_ways moves bytes until both directions block or end, or have had their share.
void plaintext_relay::move_both_ways() {
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

// backend_is_gone: nobody will read what the client says. What the backend has said is still said to the
// client.
void plaintext_relay::backend_is_gone() {
    if (!to_backend_is_over_)
        closed(net::relay_side::backend);
    backend_is_deaf_ = to_backend_is_over_ = true;
    to_backend_ = {};
}

// client_failed: an RST, or what no TLS stack would send. What was decrypted before is still the backend's;
// it hears an end then, because a socket pair has no other way to tell.
void plaintext_relay::client_failed() {
    if (std::exchange(client_has_failed_, true))
        return;
    closed(net::relay_side::client);
    client_has_ended_ = to_client_is_over_ = true;
    client_is_readable_ = false;
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
    const auto next = farewell_.look(client_.get(), net::clock::now());
    if (!next)
        return end(net::relay_end::finished);
    thread_.loop.arm(*this, *next);
}

void plaintext_relay::expire() {
    if (client_has_failed_)
        return end(net::relay_end::client_reset);
    if (!std::exchange(peer_is_watched_, true))
        os::watch_peer(client_.get(), keepalive, user_timeout);
    settle();
}

void plaintext_relay::end(net::relay_end how) {
    is_over_ = true;
    result_.end = how;
    disarm();
    next_turn_.disarm();
    leave();
    // Closing alone would not do while the router has its copy of the client, and another thread may close
    // the pair's end.
    thread_.loop.unwatch(client_.get());
    if (may_send_files())
        thread_.loop.unwatch(backend_.fd.get());
    server::end_near(std::move(backend_));
    const bool was_told = how == net::relay_end::client_reset && !tls_->below().problem(); // by an alert
    if (was_told)
        (void)os::finish(client_.get(), {});
    if (how == net::relay_end::finished || was_told)
        client_.reset();
    else
        os::close_with_reset(std::move(client_));
    waiter_.wake();
}

} // namespace snipass::terminate
