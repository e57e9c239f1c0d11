// SPDX-License-Identifier: BSL-1.0
// TCP sockets: listen, accept, look, refuse. Each function is a system call or a few that belong together.
#pragma once

#include "snipass/base/bytes.hpp"
#include "snipass/base/ip_address.hpp"
#include "snipass/base/result.hpp"
#include "snipass/os/unique_fd.hpp"

#include <sys/socket.h>

#include <chrono>
#include <optional>
#include <span>

namespace snipass::os {

// to_endpoint reads an IPv4 or IPv6 socket address; nullopt for any other family.
[[nodiscard]] std::optional<ip_endpoint> to_endpoint(const sockaddr_storage& address) noexcept;
// to_sockaddr is the way back; returns the size that counts. interface: the number of the one that a
// link-local address is on (if_nametoindex(3)); 0: none.
socklen_t to_sockaddr(const ip_endpoint& endpoint, sockaddr_storage& address,
                      unsigned interface = 0) noexcept;

// local_endpoint is getsockname(2): for an accepted socket the address that the client connected to.
[[nodiscard]] result<ip_endpoint> local_endpoint(int fd);
// peer_endpoint is getpeername(2). ENOTCONN: the peer has reset the connection.
[[nodiscard]] result<ip_endpoint> peer_endpoint(int fd);

// listen_tcp binds and listens: non-blocking, with SO_REUSEADDR. An unspecified IPv6 address takes IPv4
// clients too (IPV6_V6ONLY off). Never with SO_REUSEPORT: the kernel would let every socket of the same user
// have the port too, or an address of its own within `[::]`, and a client's socket in a backend's hands is
// one of ours: after connect(AF_UNSPEC) it could listen there and take the clients of everybody. Without it
// such a bind(2) is EADDRINUSE.
[[nodiscard]] result<unique_fd> listen_tcp(const ip_endpoint& endpoint, unsigned interface = 0);

// is_listening: listen(2) was called on this socket.
[[nodiscard]] bool is_listening(int fd);

// is_connected: the socket has a peer.
[[nodiscard]] bool is_connected(int fd);

// first_unprivileged_port: one below it needs CAP_NET_BIND_SERVICE (ip(7)).
[[nodiscard]] int first_unprivileged_port();

// may_bind_any_port: this thread has CAP_NET_BIND_SERVICE.
[[nodiscard]] bool may_bind_any_port();

// prepare_listener sets what accepted sockets inherit, as send_at_once and take_urgent_inline have it, and
// what spares wake-ups: TCP_DEFER_ACCEPT, so that the hello is normally there when accept4 returns. For
// sockets of our own and for those systemd passed, which keep a DeferAcceptSec= of their own.
[[nodiscard]] error_code prepare_listener(int fd);

struct accepted {
    unique_fd fd; // close-on-exec
    ip_endpoint client;
};

// accept_queue_size: how many clients wait to be accepted (tcp(7), TCP_INFO; for a listening socket
// tcpi_unacked is the length of its accept queue). accept4(2) on an empty queue makes a socket and a file
// before it looks, and costs five times as much. EINVAL: the socket does not listen (any more).
[[nodiscard]] result<std::size_t> accept_queue_size(int listener);

// accept_client is accept4(2). The client blocks, as whoever gets it expects of accept(): tarweb reads it
// through io_uring, which gives up on one that does not. So every call of ours says MSG_DONTWAIT.
[[nodiscard]] result<accepted> accept_client(int listener);

// peek is recv(2) with MSG_PEEK: what is in the socket stays there. 0 bytes: the client closed and nothing is
// unread.
[[nodiscard]] result<std::size_t> peek(int fd, std::span<std::uint8_t> buffer);

// discard takes up to n bytes out of the socket, without copying them where it can do that (recv with
// MSG_TRUNC, tcp(7)); returns how many. Not for one on which the kernel speaks TLS: of TLS 1.2 it would die.
[[nodiscard]] result<std::size_t> discard(int fd, std::size_t n);
// read_away is discard by copying, for any socket; 1 MiB at most.
[[nodiscard]] result<std::size_t> read_away(int fd, std::size_t n);

// set_nonblocking is for a client that is relayed: splice(2) knows no MSG_DONTWAIT.
void set_nonblocking(int fd);

// wait_for_bytes sets SO_RCVLOWAT: the socket becomes readable when n bytes are unread (socket(7), tcp(7));
// the kernel grows the receive buffer for it. 1 is the default.
[[nodiscard]] error_code wait_for_bytes(int fd, std::size_t n);

// make_room grows the receive buffer as if for n bytes, and leaves SO_RCVLOWAT there. For a socket that is
// readable without the bytes that were waited for: the kernel's estimate of what they take in its buffer was
// too low (small segments take many times their size), and the client may not send the others. It hears of
// the new window at the next look. Not by SO_RCVBUF, which would end the kernel's own tuning for the
// connection's life.
[[nodiscard]] error_code make_room(int fd, std::size_t n);

// send_now sends all of a few bytes into a send buffer that has room for them; ENOBUFS: it had not.
[[nodiscard]] error_code send_now(int fd, byte_view bytes);

// peer_has_closed: a FIN or RST has arrived, whatever is still unread before it (POLLRDHUP, poll(2)).
[[nodiscard]] bool peer_has_closed(int fd);

// finish ends a connection that was not routed: what is unread is discarded first, because close(2) with
// unread bytes sends RST; `last_words`, if any, are sent before the FIN. The descriptor stays open for a
// linger; true if the client has closed its side already.
bool finish(int fd, byte_view last_words);

// watch_peer lets the kernel find out that the peer is gone: keepalive probes after so much silence, and an
// end when what was sent has not been acknowledged, or not been read, for user_timeout (tcp(7)). Zero: as the
// system has it. Does nothing to a unix socket.
void watch_peer(int fd, std::chrono::milliseconds keepalive, std::chrono::milliseconds user_timeout);

// send_at_once: no byte waits for the acknowledgement of those before it (tcp(7), TCP_NODELAY). Does nothing
// to a unix socket.
void send_at_once(int fd);

// take_urgent_inline: urgent data (tcp(7)) are read in their place, so that none are lost.
void take_urgent_inline(int fd);

// close_with_reset closes with RST (SO_LINGER of 0, socket(7)).
void close_with_reset(unique_fd fd);

} // namespace snipass::os
