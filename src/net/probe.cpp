// SPDX-License-Identifier: BSL-1.0
// Is a backend there?
#include "snipass/net/probe.hpp"

#include "snipass/net/connect.hpp"
#include "snipass/net/fd_watch.hpp"
#include "snipass/net/foreign.hpp"
#include "snipass/os/error.hpp"
#include "snipass/os/unix_socket.hpp"
#include "snipass/tls/constants.hpp"

#include <sys/random.h>
#include <sys/socket.h>

#include <initializer_list>
#include <iterator>
#include <utility>

namespace snipass::net {
namespace {

using bytes = std::vector<std::uint8_t>;

constexpr std::size_t random_size = 32;

void put(bytes& to, std::initializer_list<int> values) {
    for (const int value : values)
        to.push_back(static_cast<std::uint8_t>(value));
}

void put_u16(bytes& to, std::size_t value) {
    put(to, {static_cast<int>(value >> 8), static_cast<int>(value & 0xff)});
}

void put_extension(bytes& to, std::size_t type, const bytes& content) {
    put_u16(to, type);
    put_u16(to, content.size());
    to.insert(to.end(), content.begin(), content.end());
}

bytes server_name(std::string_view host) {
    bytes content;
    put_u16(content, host.size() + 3);
    put(content, {0}); // host_name
    put_u16(content, host.size());
    content.insert(content.end(), host.begin(), host.end());
    return content;
}

bytes extensions(std::string_view host) {
    bytes all;
    if (!host.empty())
        put_extension(all, 0, server_name(host));
    put_extension(all, 43, {4, 3, 4, 3, 3});                             // supported_versions: 1.3, 1.2
    put_extension(all, 10, {0, 4, 0, 29, 0, 23});                        // supported_groups: x25519, P-256
    put_extension(all, 13, {0, 12, 4, 3, 8, 4, 4, 1, 5, 3, 8, 5, 8, 7}); // signature_algorithms
    put_extension(all, 51, {0, 0});                                      // key_share: ask for one
    put_extension(all, 11, {1, 0});                                      // ec_point_formats
    return all;
}

result<os::unique_fd> connect_unix(const std::string& path) {
    return os::connect_unix(path, SOCK_STREAM);
}

// ask looks at the answer and leaves it in the socket: descriptors may come with it.
task<error_code> ask(event_loop& loop, int connection, byte_view hello, time_point deadline) {
    if (::send(connection, hello.data(), hello.size(), MSG_NOSIGNAL | MSG_DONTWAIT) != std::ssize(hello))
        co_return os::last_error();
    fd_watch watch{loop, connection};
    if (const auto ec = co_await watch.readable(deadline))
        co_return ec;
    std::uint8_t first = 0;
    const auto n = ::recv(connection, &first, 1, MSG_PEEK | MSG_DONTWAIT);
    if (n < 0)
        co_return os::last_error();
    const bool tls = n == 1 && (first == tls::content_type::handshake || first == tls::content_type::alert);
    co_return tls ? error_code{} : os::make_error(EPROTO);
}

} // namespace

bytes make_probe_hello(std::string_view host) {
    bytes body{3, 3};
    body.resize(body.size() +
                random_size); // zeros where the kernel has no random bytes yet: they protect nothing
    (void)::getrandom(&body[2], random_size, GRND_NONBLOCK);
    put(body, {0}); // no session
    put(body, {0, 16, 0x13, 1, 0x13, 2, 0x13, 3, 0xc0, 0x2b, 0xc0, 0x2f, 0xc0, 0x2c, 0xc0, 0x30, 0, 0x9c});
    put(body, {1, 0}); // no compression
    const auto more = extensions(host);
    put_u16(body, more.size());
    body.insert(body.end(), more.begin(), more.end());

    bytes record{tls::content_type::handshake, 3, 1};
    put_u16(record, body.size() + 4);
    put(record, {1, 0}); // client_hello, its length's first byte
    put_u16(record, body.size());
    record.insert(record.end(), body.begin(), body.end());
    return record;
}

task<error_code> probe(event_loop& loop, probe_question what, time_point deadline) {
    result<os::unique_fd> connection = os::make_error(EINVAL);
    if (what.endpoint)
        connection = co_await connect_tcp(loop, *what.endpoint, deadline);
    else
        connection = connect_unix(what.path);
    if (!connection)
        co_return connection.error();
    error_code problem;
    if (!what.hello.empty())
        problem = co_await ask(loop, connection->get(), what.hello, deadline);
    if (!what.endpoint)
        turn_away(std::move(*connection), what.party);
    co_return problem;
}

} // namespace snipass::net
