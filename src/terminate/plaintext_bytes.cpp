// SPDX-License-Identifier: BSL-1.0
// How the bytes of a client pass between its TLS and a socket pair.
#include "snipass/os/error.hpp"
#include "snipass/os/unix_socket.hpp"
#include "snipass/terminate/plaintext_relay.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace snipass::terminate {
namespace {

// As much as a record holds (RFC 8446, section 5.1).
constexpr std::size_t chunk = 16'384;

} // namespace

std::span<std::uint8_t> plaintext_relay::buffer() {
    return thread_.buffer.first(chunk);
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
        (void)::shutdown(backend_.fd.get(), SHUT_WR);
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
    switch (tls_->read(room, n)) {
    case progress::done:
        return send_to_backend(room.first(n));
    case progress::wants_writable:
        reading_needs_room_ = true;
        client_is_readable_ = false;
        return;
    case progress::wants_readable:
        client_is_readable_ = !tls_->below().is_dry();
        return;
    case progress::ended:
        client_has_ended_ = true;
        return closed(net::relay_side::client);
    case progress::failed:
        return client_failed();
    }
}

void plaintext_relay::send_to_backend(std::span<const std::uint8_t> bytes) {
    const auto n = ::send(backend_.fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && !os::would_block(os::last_error()))
        return backend_is_gone();
    const auto sent = static_cast<std::size_t>(std::max<ssize_t>(n, 0));
    result_.to_backend += sent;
    backend_is_writable_ = sent == bytes.size();
    to_backend_.assign(bytes.begin() + static_cast<std::ptrdiff_t>(sent), bytes.end());
}

// move_to_client: as move_to_backend. Nothing is taken out of the pair before all was sent that came before.
bool plaintext_relay::move_to_client() {
    if (to_client_is_over_ || !client_is_writable_)
        return false;
    if (tls_->below().unsent() > 0) {
        flush();
        return client_is_writable_;
    }
    if (backend_has_ended_) {
        say_end();
        return false;
    }
    if (!backend_is_readable_)
        return false;
    const auto room = buffer();
    const auto n = hear(room);
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

// hear is recv(2), of a backend that may send no descriptors: one that does has ended, in both directions.
ssize_t plaintext_relay::hear(std::span<std::uint8_t> room) {
    if (!may_send_files())
        return ::recv(backend_.fd.get(), room.data(), room.size(), MSG_DONTWAIT);
    const auto n = os::peek_bytes_alone(backend_.fd.get(), room);
    if (n > 0)
        return ::recv(backend_.fd.get(), room.data(), static_cast<std::size_t>(n), MSG_DONTWAIT);
    if (n < 0 && errno == EPROTO)
        backend_is_gone();
    return n;
}

void plaintext_relay::encrypt(std::span<const std::uint8_t> bytes) {
    while (!bytes.empty()) {
        std::size_t n = 0;
        if (tls_->write(bytes, n) != progress::done) // it never waits: the wire keeps what has no room
            return client_failed();
        result_.to_client += n;
        bytes = bytes.subspan(n);
    }
    client_is_writable_ = tls_->below().unsent() == 0;
}

void plaintext_relay::flush() {
    const auto how = tls_->flush();
    if (how == progress::failed)
        return client_failed();
    client_is_writable_ = how == progress::done;
    client_is_readable_ = client_is_readable_ || std::exchange(reading_needs_room_, false);
}

// say_end: a server's close_notify, and FIN behind it (RFC 8446, section 6.1).
void plaintext_relay::say_end() {
    if (!std::exchange(end_is_said_, true))
        (void)tls_->end();
    client_is_writable_ = tls_->below().unsent() == 0;
    if (!client_is_writable_)
        return;
    to_client_is_over_ = true;
    tls_->is_over();
    (void)::shutdown(client_.get(), SHUT_WR); // ENOTCONN: reset meanwhile
}

} // namespace snipass::terminate
