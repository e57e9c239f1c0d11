// SPDX-License-Identifier: BSL-1.0
// What systemd has passed, and whether a listener can have it. A hint comes from what the socket is, not from
// the error of the call that fails first: "Protocol not available" says nothing to whoever wrote
// ListenDatagram=.
#include "snipass/process/lent_socket.hpp"

#include "snipass/base/quoted.hpp"
#include "snipass/os/error.hpp"
#include "snipass/os/tcp.hpp"
#include "snipass/os/unix_listener.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace snipass::server {
namespace {

int option(int fd, int name) {
    int value = -1;
    socklen_t size = sizeof value;
    return ::getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

bool is_ip(int domain) {
    return domain == AF_INET || domain == AF_INET6;
}

std::string not_listening(int fd) {
    if (os::is_connected(fd))
        return "it is a connection: write Accept=no in the socket unit";
    return "it does not listen";
}

std::string why_not_for_clients(int fd, const std::string& name) {
    const int domain = option(fd, SO_DOMAIN);
    const int protocol = option(fd, SO_PROTOCOL);
    if (domain == AF_UNIX)
        return "it is a unix socket: write address = \"handoff:systemd:" + name + "\"";
    if (!is_ip(domain))
        return "it is neither IPv4 nor IPv6: write ListenStream= with a port in the socket unit";
    if (protocol == IPPROTO_UDP)
        return "it is a UDP socket: write ListenStream= in place of ListenDatagram= in the socket unit";
    if (protocol != IPPROTO_TCP && protocol != IPPROTO_MPTCP)
        return "it is not TCP: write ListenStream=, and no SocketProtocol=, in the socket unit";
    return os::is_listening(fd) ? "" : not_listening(fd);
}

std::string why_not_for_handoffs(int fd, const std::string& name) {
    const int domain = option(fd, SO_DOMAIN);
    const int type = option(fd, SO_TYPE);
    constexpr auto wanted =
        "handoffs come in on ListenStream=/PATH, or on ListenDatagram=/PATH with PassCredentials=yes";
    if (is_ip(domain))
        return "it is no unix socket: " + std::string{wanted} +
               "; for clients write address = \"systemd:" + name + "\"";
    if (domain != AF_UNIX)
        return "it is no unix socket: " + std::string{wanted};
    if (type != SOCK_STREAM && type != SOCK_DGRAM)
        return "it is a unix socket of packets: " + std::string{wanted};
    return type == SOCK_DGRAM || os::is_listening(fd) ? "" : not_listening(fd);
}

std::string why_not(int fd, const std::string& name, bool for_handoffs) {
    if (option(fd, SO_TYPE) < 0)
        return "it is no socket: write ListenStream= in the socket unit";
    return for_handoffs ? why_not_for_handoffs(fd, name) : why_not_for_clients(fd, name);
}

lent_socket failed(const error_code& ec) {
    return {{}, {}, ec.message()};
}

lent_socket prepare_for_handoffs(int fd) {
    auto made = os::prepare_lent_unix(fd);
    if (!made)
        return failed(made.error());
    const bool stream = made->type == SOCK_STREAM;
    return {std::move(made->path), stream ? socket_kind::handoff_stream : socket_kind::handoff_datagram, {}};
}

} // namespace

lent_socket prepare_lent(int fd, const std::string& name, bool for_handoffs) {
    auto problem = why_not(fd, name, for_handoffs);
    if (!problem.empty())
        return {{}, {}, std::move(problem)};
    if (for_handoffs)
        return prepare_for_handoffs(fd);
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
        return failed(os::last_error());
    // ReusePort=yes of a socket unit: the clients' sockets would have it, too, and a backend could listen
    // with one on the same port.
    const int off = 0;
    if (::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &off, sizeof off) != 0)
        return failed(os::last_error());
    if (const auto ec = os::prepare_listener(fd))
        return failed(ec);
    const auto bound = os::local_endpoint(fd);
    return bound ? lent_socket{bound->to_string(), socket_kind::tcp, {}} : failed(bound.error());
}

std::string describe_unnamed(int fd, const std::string& name) {
    const bool is_unix = option(fd, SO_DOMAIN) == AF_UNIX;
    const auto bound = os::local_endpoint(fd);
    const auto where = is_unix ? os::local_path(fd) : bound ? bound->to_string() : std::string{};
    auto text = in_quotes(name) + (where.empty() ? "" : " (" + where + ")") + ", and no [[listener]] has it";
    if (const auto problem = why_not(fd, name, is_unix); !problem.empty())
        return text + ", nor can one: " + problem + ", or disable the unit";
    const auto address = (is_unix ? "handoff:systemd:" : "systemd:") + name;
    return text + ": its clients wait for nobody; write address = " + in_quotes(address) +
           ", or disable the socket unit";
}

} // namespace snipass::server
