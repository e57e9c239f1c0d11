// SPDX-License-Identifier: BSL-1.0
// A client's flags and options.
#include "snipass/os/client_options.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <climits>

// Of newer kernels than the headers may know.
#ifndef SO_BUF_LOCK
#define SO_BUF_LOCK 72
#endif
#ifndef TCP_TX_DELAY
#define TCP_TX_DELAY 37
#endif
#ifndef IPV6_MINHOPCOUNT
#define IPV6_MINHOPCOUNT 73
#endif

namespace snipass::os {
namespace {

struct setting {
    int level;
    int name;
    int value;
};

// What the kernel gives a new socket, but for TCP_NODELAY and SO_OOBINLINE, which the listener gives it. Not
// here: what systemd can set on a listener, and hurts nobody (SO_KEEPALIVE=, SO_PRIORITY, IP_TOS,
// TCP_CONGESTION).
constexpr setting as_new[] = {
    {SOL_SOCKET, SO_RCVLOWAT, 1},
    {SOL_SOCKET, SO_OOBINLINE, 1},
    {SOL_SOCKET, SO_PEEK_OFF, -1},
    {SOL_SOCKET, SO_DONTROUTE, 0},
    {SOL_SOCKET, SO_DETACH_FILTER, 0},
    {SOL_SOCKET, SO_BUSY_POLL, 0},
    {SOL_SOCKET, SO_MAX_PACING_RATE, -1}, // none
    {SOL_SOCKET, SO_BUF_LOCK, 0},         // the kernel sizes the buffers again
    {SOL_SOCKET, SO_ZEROCOPY, 0},
    {SOL_SOCKET, SO_TIMESTAMPING, 0},
    {IPPROTO_TCP, TCP_NODELAY, 1},
    {IPPROTO_TCP, TCP_CORK, 0},
    {IPPROTO_TCP, TCP_USER_TIMEOUT, 0},
    {IPPROTO_TCP, TCP_LINGER2, 0},
    {IPPROTO_TCP, TCP_WINDOW_CLAMP, INT_MAX},
    {IPPROTO_TCP, TCP_NOTSENT_LOWAT, 0}, // the system's
    {IPPROTO_TCP, TCP_TX_DELAY, 0},
    {IPPROTO_IP, IP_TTL, -1}, // the system's
    {IPPROTO_IP, IP_MINTTL, 0},
    {IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_WANT},
    {IPPROTO_IP, IP_RECVERR, 0},
    {IPPROTO_IPV6, IPV6_UNICAST_HOPS, -1},
    {IPPROTO_IPV6, IPV6_MINHOPCOUNT, 0},
    {IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_WANT},
    {IPPROTO_IPV6, IPV6_RECVERR, 0},
};

// set: a socket may not know an option (IPv6's of IPv4, a newer kernel's), and one whose client is gone may
// refuse it. That shows at the next look at it.
template <class Value>
void set(int fd, int level, int name, const Value& value) {
    (void)::setsockopt(fd, level, name, &value, sizeof value);
}

// clear_flags: as accept(2) leaves a socket. The owner is who gets SIGIO.
void clear_flags(int fd) {
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags >= 0 && (flags & (O_NONBLOCK | O_ASYNC)) != 0)
        (void)::fcntl(fd, F_SETFL,
                      flags & ~(O_NONBLOCK | O_ASYNC)); // of a socket that is there: does not fail
}

} // namespace

void make_as_accepted(int fd) {
    clear_flags(fd);
    set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set(fd, SOL_SOCKET, SO_OOBINLINE, 1);
    set(fd, SOL_SOCKET, SO_RCVLOWAT, 1);
    set(fd, SOL_SOCKET, SO_LINGER, linger{});
}

void restore_client(int fd) {
    clear_flags(fd);
    (void)::fcntl(fd, F_SETOWN, 0);
    for (const auto& one : as_new)
        set(fd, one.level, one.name, one.value);
    set(fd, SOL_SOCKET, SO_LINGER, linger{});
    set(fd, SOL_SOCKET, SO_RCVTIMEO, timeval{});
    set(fd, SOL_SOCKET, SO_SNDTIMEO, timeval{});
    (void)::setsockopt(fd, IPPROTO_IP, IP_OPTIONS, nullptr, 0);
}

void reset_at_close(int fd, bool is_on) {
    set(fd, SOL_SOCKET, SO_LINGER, linger{is_on ? 1 : 0, 0});
}

} // namespace snipass::os
