// SPDX-License-Identifier: BSL-1.0
// Is a backend there?
#include "snipass/net/probe.hpp"

#include "snipass/net/connect.hpp"
#include "snipass/net/fd_watch.hpp"
#include "snipass/os/error.hpp"
#include "snipass/os/unix_socket.hpp"
#include "snipass/tls/constants.hpp"

#include <sys/socket.h>

#include <initializer_list>
#include <random>

namespace snipass::net {
namespace {

using bytes = std::vector<std::uint8_t>;

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

} // namespace

bytes make_probe_hello(std::string_view host) {
    bytes body{3, 3};
    std::random_device random;
    for (int i = 0; i < 32; ++i)
        body.push_back(static_cast<std::uint8_t>(random()));
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
    if (what.hello.empty())
        co_return error_code{};
    const auto size = static_cast<ssize_t>(what.hello.size());
    if (::send(connection->get(), what.hello.data(), what.hello.size(), MSG_NOSIGNAL | MSG_DONTWAIT) != size)
        co_return os::last_error();
    fd_watch watch{loop, connection->get()};
    if (const auto ec = co_await watch.readable(deadline))
        co_return ec;
    std::uint8_t first = 0;
    const auto n = ::recv(connection->get(), &first, 1, MSG_DONTWAIT);
    if (n < 0)
        co_return os::last_error();
    const bool tls = n == 1 && (first == tls::content_type::handshake || first == tls::content_type::alert);
    co_return tls ? error_code{} : os::make_error(EPROTO);
}

} // namespace snipass::net
