// SPDX-License-Identifier: BSL-1.0
// Ways to a backend.
#include "reach.hpp"

#include "snipass/os/error.hpp"
#include "snipass/os/tcp.hpp"
#include "snipass/os/unix_socket.hpp"
#include "snipass/proxy_protocol/write.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

namespace snipass::live {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr auto handshake_time = 5s;
constexpr std::uint8_t ack = 0x06;

struct pair {
    os::unique_fd client;   // our end
    os::unique_fd accepted; // what a listener would have accepted
};

// make_pair is a TCP connection of this machine to itself: a receiver wants a client's socket to be one. Not
// os::listen_tcp: with TCP_DEFER_ACCEPT nobody is there to be accepted who has said nothing. Whoever else
// connects meanwhile is not ours.
result<pair> make_pair() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof address;
    const os::unique_fd listener{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    pair made;
    made.client.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!listener || !made.client || ::bind(listener.get(), any, size) != 0 ||
        ::listen(listener.get(), SOMAXCONN) != 0 || ::getsockname(listener.get(), any, &size) != 0 ||
        ::connect(made.client.get(), any, size) != 0 || ::fcntl(made.client.get(), F_SETFL, O_NONBLOCK) != 0)
        return os::last_error();
    const auto ours = os::local_endpoint(made.client.get());
    for (;;) {
        auto accepted = os::accept_client(listener.get());
        if (!accepted)
            return accepted.error();
        if (!ours || accepted->client != *ours)
            continue;
        made.accepted = std::move(accepted->fd);
        return made;
    }
}

std::string in_words(const error_code& why) {
    switch (os::errno_of(why)) {
    case ENOENT:
        return "nobody is there: no such socket";
    case ECONNREFUSED:
        return "nobody is there: the connection is refused";
    case EACCES:
        return "this user may not connect (docs/backends.md, Permissions)";
    case EPERM:
        return "the socket is not of the user that the file names (user)";
    case EAGAIN: // of a unix socket that does not wait (connect(2))
        return "it does not accept: its backlog is full";
    case EPROTOTYPE:
        return "it is a socket of the other kind: is protocol right?";
    default:
        return why.message();
    }
}

result<os::unique_fd> connect_to(const std::string& path, const config::handoff_settings& settings) {
    const int type = config::traits_of(settings.protocol).is_datagram ? SOCK_DGRAM : SOCK_STREAM;
    return settings.owner() ? os::connect_unix_of(*settings.owner(), path, type)
                            : os::connect_unix(path, type);
}

proxy_protocol::facts facts_of(int accepted, const asked& what) {
    proxy_protocol::facts made;
    if (const auto source = os::peer_endpoint(accepted))
        made.source = *source;
    if (const auto destination = os::local_endpoint(accepted))
        made.destination = *destination;
    made.authority = what.name;
    if (!what.alpn.empty())
        made.alpn = what.alpn.front();
    return made;
}

// first_bytes of a hello that has been sent to this machine itself: it is there, or will be at once.
std::vector<std::uint8_t> first_bytes(int accepted) {
    constexpr std::size_t room = 4'096;
    std::vector<std::uint8_t> bytes(room);
    const bool is_there = wait_for(accepted, POLLIN, steady_clock::now() + handshake_time);
    const auto n = is_there ? ::recv(accepted, bytes.data(), bytes.size(), MSG_DONTWAIT) : 0;
    bytes.resize(static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    return bytes;
}

// give sends the client; empty: it was sent and, by `stream`, acknowledged.
std::string give(int connection, os::unique_fd accepted, const config::handoff_settings& settings,
                 const asked& what) {
    const bool is_datagram = config::traits_of(settings.protocol).is_datagram;
    std::vector<std::uint8_t> message;
    if (is_datagram) {
        message = first_bytes(accepted.get());
    } else {
        const auto header = proxy_protocol::write_v2(facts_of(accepted.get(), what));
        message.assign(header.begin(), header.end());
    }
    const auto sent = os::send_with_fd(connection, message, accepted.get());
    if (!sent)
        return sent.error().message();
    if (is_datagram)
        return {};
    const auto deadline = steady_clock::now() + settings.ack_timeout;
    std::uint8_t answer = 0;
    if (!wait_for(connection, POLLIN, deadline))
        return "it does not acknowledge within ack_timeout: is it a receiver of this protocol, and does it "
               "run?";
    if (::recv(connection, &answer, 1, MSG_DONTWAIT) != 1 || answer != ack)
        return "it has declined the client: does it let this user hand clients over (--from), or has its log "
               "more?";
    return {};
}

result<os::unique_fd> connect_to(const sockaddr* address, socklen_t size, steady_clock::time_point deadline) {
    os::unique_fd made{::socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!made)
        return os::last_error();
    if (::connect(made.get(), address, size) == 0)
        return made;
    if (errno != EINPROGRESS)
        return os::last_error();
    if (!wait_for(made.get(), POLLOUT, deadline))
        return os::make_error(ETIMEDOUT);
    int problem = 0;
    socklen_t room = sizeof problem;
    (void)::getsockopt(made.get(), SOL_SOCKET, SO_ERROR, &problem, &room);
    return problem == 0 ? result<os::unique_fd>{std::move(made)} : os::make_error(problem);
}

struct free_found {
    void operator()(addrinfo* one) const noexcept { ::freeaddrinfo(one); }
};

// endpoints is every connection that a name leads to, or what was wrong with it.
std::vector<result<os::unique_fd>> connect_all(const config::proxy_address& address,
                                               std::chrono::milliseconds patience, std::string& problem) {
    std::vector<result<os::unique_fd>> made;
    addrinfo wanted{};
    wanted.ai_socktype = SOCK_STREAM;
    addrinfo* first = nullptr;
    const int why =
        ::getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &wanted, &first);
    const std::unique_ptr<addrinfo, free_found> all{first};
    if (why != 0)
        problem = address.host + ": " + ::gai_strerror(why);
    for (const auto* one = all.get(); one != nullptr; one = one->ai_next)
        made.push_back(connect_to(one->ai_addr, one->ai_addrlen, steady_clock::now() + patience));
    return made;
}

// greet says that the connection is one of our own (PROXY LOCAL), where the backend expects a header.
void greet(int connection, config::proxy_protocol which) {
    if (which == config::proxy_protocol::none)
        return;
    const auto header = which == config::proxy_protocol::v2 ? proxy_protocol::write_local_v2()
                                                            : proxy_protocol::write_unknown_v1();
    (void)::send(connection, header.data(), header.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

} // namespace

tried shake(os::unique_fd connection, const asked& what) {
    tried made{.how = "there"};
    if (what.name.empty())
        return made;
    handshake one{std::move(connection), what.name, what.alpn};
    made.seen = one.finish(steady_clock::now() + handshake_time);
    return made;
}

tried knock(const std::string& path, const config::handoff_settings& settings) {
    const auto connection = connect_to(path, settings);
    return connection ? tried{.how = "there"} : tried{.problem = in_words(connection.error())};
}

tried hand_over(const std::string& path, const config::handoff_settings& settings, const asked& what) {
    const auto& traits = config::traits_of(settings.protocol);
    auto connection = connect_to(path, settings);
    if (!connection)
        return {.problem = in_words(connection.error())};
    if (traits.is_for_http || (traits.is_datagram && what.name.empty()))
        return {.how = "there"};
    auto made = make_pair();
    if (!made)
        return {.problem = "no client of our own: " + made.error().message()};
    if (what.name.empty()) {
        auto problem = give(connection->get(), std::move(made->accepted), settings, what);
        return problem.empty() ? tried{.how = "takes clients"} : tried{.problem = std::move(problem)};
    }
    handshake client{std::move(made->client), what.name, what.alpn};
    auto problem = give(connection->get(), std::move(made->accepted), settings, what);
    if (!problem.empty())
        return {.problem = std::move(problem)};
    connection->reset(); // the receiver is the only owner now
    return {.how = "takes clients", .seen = client.finish(steady_clock::now() + handshake_time)};
}

tried connect(const config::proxy_address& address, const config::proxy_settings& settings,
              const over_connection& go_on) {
    if (!address.path.empty()) {
        auto connection = os::connect_unix(address.path, SOCK_STREAM);
        if (!connection)
            return {.problem = in_words(connection.error())};
        greet(connection->get(), settings.header);
        return go_on(std::move(*connection));
    }
    tried made;
    for (auto& one : connect_all(address, settings.connect_timeout, made.problem)) {
        if (!one)
            return {.problem = in_words(one.error())};
        greet(one->get(), settings.header);
        made = go_on(std::move(*one));
        if (!made.problem.empty() || (made.seen && !made.seen->problem.empty()))
            break;
    }
    return made;
}

} // namespace snipass::live
