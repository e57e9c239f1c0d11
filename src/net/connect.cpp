// SPDX-License-Identifier: BSL-1.0
// Connecting to a proxied backend.
#include "snipass/net/connect.hpp"

#include "snipass/os/error.hpp"
#include "snipass/os/local_address.hpp"
#include "snipass/os/tcp.hpp"

#include <netinet/in.h>

namespace snipass::net {

namespace {

error_code come_from(int fd, const ip_address& source) {
    const int on = 1;
    const bool v4 = source.is_v4();
    if (::setsockopt(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_TRANSPARENT : IPV6_TRANSPARENT, &on,
                     sizeof on) != 0)
        return os::last_error();
    // connect() chooses the port, when it knows the other end: two connections may have the same (ip(7)).
    (void)::setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    sockaddr_storage storage;
    const socklen_t size = os::to_sockaddr({source, 0}, storage);
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&storage), size) != 0)
        return os::last_error();
    return {};
}

// why_not_begun: EADDRNOTAVAIL says that no local port is left, and also that this machine has no address of
// its own to come from, as towards ::1 where IPv6 is switched off.
error_code why_not_begun(const error_code& ec, const ip_address& to) {
    if (ec != os::make_error(EADDRNOTAVAIL))
        return ec;
    const auto own = os::source_towards(to);
    return !own && own.error() == ec ? os::make_error(ENETUNREACH) : ec;
}

// end_of_connect: once a connect is under way, all that ends it comes from the peer or from the way there. An
// ICMPv6 "administratively prohibited", as a firewall sends it, is EACCES then, and EHOSTUNREACH in IPv4;
// from the first connect(2), EACCES is this machine's refusal.
error_code end_of_connect(int error) noexcept {
    const bool turned_away = error == EACCES || error == ENOPROTOOPT;
    return os::make_error(turned_away ? EHOSTUNREACH : error);
}

} // namespace

result<begun_connect> begin_connect(const ip_endpoint& endpoint, const std::optional<ip_address>& source,
                                    int below) {
    const int family = endpoint.address.is_v4() ? AF_INET : AF_INET6;
    begun_connect begun{
        os::unique_fd{::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP)}, false};
    if (!begun.fd)
        return os::last_error();
    if (begun.fd.get() >= below)
        return os::make_error(EMFILE);
    if (source && source->is_v4() != endpoint.address.is_v4())
        return os::make_error(EAFNOSUPPORT);
    if (source)
        if (const auto ec = come_from(begun.fd.get(), *source))
            return ec;
    sockaddr_storage storage;
    const socklen_t size = os::to_sockaddr(endpoint, storage);
    const auto connect = [&] {
        return ::connect(begun.fd.get(), reinterpret_cast<const sockaddr*>(&storage), size) == 0;
    };
    begun.connected = connect();
    if (begun.connected)
        return begun;
    if (errno != EINPROGRESS)
        return why_not_begun(os::last_error(), endpoint.address);
    // Over loopback it has ended by now. Asking again tells how (connect(2)), where a wait for it would take
    // four calls.
    begun.connected = connect();
    if (!begun.connected && errno != EALREADY)
        return end_of_connect(errno);
    return begun;
}

error_code pending_error(int fd) {
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
        return os::last_error();
    return end_of_connect(error);
}

task<result<os::unique_fd>> connect_tcp(event_loop& loop, ip_endpoint endpoint, time_point deadline) {
    auto begun = begin_connect(endpoint);
    if (!begun)
        co_return begun.error();
    if (!begun->connected) {
        fd_watch watch{loop, begun->fd.get()};
        if (const auto ec = co_await watch.writable(deadline))
            co_return ec;
        if (const auto ec = pending_error(begun->fd.get()))
            co_return ec;
    }
    co_return std::move(begun->fd);
}

} // namespace snipass::net
