// SPDX-License-Identifier: BSL-1.0
#include "endpoint.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <system_error>

namespace snipass::conformance {

namespace {

constexpr int backlog = 64;

[[noreturn]] void fail(const std::string& what) {
    throw std::system_error(errno, std::generic_category(), what);
}

template <class Number>
Number number(std::string_view text) {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size())
        throw std::invalid_argument("not a number: " + std::string{text});
    return value;
}

struct free_addresses {
    void operator()(addrinfo* list) const noexcept { ::freeaddrinfo(list); }
};

std::unique_ptr<addrinfo, free_addresses> resolve(const endpoint& where) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV;
    addrinfo* list = nullptr;
    const int error = ::getaddrinfo(where.host.c_str(), std::to_string(where.port).c_str(), &hints, &list);
    if (error != 0)
        throw std::runtime_error(where.host + ": " + ::gai_strerror(error));
    return std::unique_ptr<addrinfo, free_addresses>{list};
}

unique_fd stream_socket(int family) {
    unique_fd made{::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!made)
        fail("socket");
    return made;
}

sockaddr_un unix_address(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        throw std::invalid_argument("path too long: " + path);
    std::memcpy(address.sun_path, path.c_str(), path.size());
    return address;
}

unique_fd listen_unix(const std::string& path) {
    auto made = stream_socket(AF_UNIX);
    const auto address = unix_address(path);
    (void)::unlink(path.c_str()); // left by a run that was killed
    if (::bind(made.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(made.get(), backlog) != 0)
        fail(path);
    return made;
}

unique_fd listen_inherited(int fd) {
    int is_listening = 0;
    socklen_t size = sizeof is_listening;
    if (::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &size) != 0)
        fail("fd:" + std::to_string(fd));
    if (is_listening == 0)
        throw std::invalid_argument("fd:" + std::to_string(fd) + " is not a listening socket");
    (void)::fcntl(fd, F_SETFL, O_NONBLOCK);
    return unique_fd{fd};
}

} // namespace

endpoint endpoint::parse(std::string_view text) {
    const auto after = [&](std::string_view prefix) { return std::string{text.substr(prefix.size())}; };
    if (text.starts_with("unix:"))
        return {.type = kind::unix_path, .host = after("unix:"), .port = 0, .fd = -1};
    if (text.starts_with("handoff:"))
        return {.type = kind::handoff, .host = after("handoff:"), .port = 0, .fd = -1};
    if (text.starts_with("fd:"))
        return {.type = kind::inherited, .host = {}, .port = 0, .fd = number<int>(text.substr(3))};
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos)
        throw std::invalid_argument("no port in " + std::string{text});
    auto host = text.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']'))
        host = host.substr(1, host.size() - 2);
    return {.type = kind::tcp,
            .host = std::string{host},
            .port = number<std::uint16_t>(text.substr(colon + 1)),
            .fd = -1};
}

unique_fd listen_at(const endpoint& where) {
    if (where.type == endpoint::kind::inherited)
        return listen_inherited(where.fd);
    if (where.type != endpoint::kind::tcp)
        return listen_unix(where.host);
    const auto found = resolve(where);
    auto made = stream_socket(found->ai_family);
    const int on = 1;
    (void)::setsockopt(made.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (::bind(made.get(), found->ai_addr, found->ai_addrlen) != 0 || ::listen(made.get(), backlog) != 0)
        fail(where.host + ":" + std::to_string(where.port));
    return made;
}

unique_fd connect_to(const endpoint& where) {
    if (where.type != endpoint::kind::tcp)
        throw std::invalid_argument("the router must be given as HOST:PORT");
    const auto found = resolve(where);
    unique_fd made{::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (!made || ::connect(made.get(), found->ai_addr, found->ai_addrlen) != 0)
        fail("connecting to " + where.host + ":" + std::to_string(where.port));
    // Each piece is to be a segment, at once.
    const int on = 1;
    (void)::setsockopt(made.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)::fcntl(made.get(), F_SETFL, O_NONBLOCK);
    return made;
}

} // namespace snipass::conformance
