// SPDX-License-Identifier: BSL-1.0
#include "snipass/os/tcp.hpp"

#include "catch.hpp"
#include "catch_result.hpp"
#include "hello_builder.hpp"
#include "same_descriptors.hpp"
#include "snipass/os/error.hpp"
#include "tcp_client.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/un.h>

#include <array>
#include <cstring>
#include <thread>

using namespace snipass;
using namespace snipass::testing;

namespace {

const ip_endpoint any_port = *ip_endpoint::parse("127.0.0.1:0");

// accept_from waits for a client on a listener that defers.
os::accepted accept_from(int listener) {
    REQUIRE(is_readable(listener));
    return os::accept_client(listener).value();
}

void check_round_trip(const std::string& text) {
    CAPTURE(text);
    const auto endpoint = *ip_endpoint::parse(text);
    sockaddr_storage storage;
    const auto size = os::to_sockaddr(endpoint, storage);
    CHECK(size == (endpoint.address.is_v4() ? sizeof(sockaddr_in) : sizeof(sockaddr_in6)));
    CHECK(os::to_endpoint(storage) == endpoint);
}

} // namespace

TEST_CASE("socket addresses are read and written alike") {
    check_round_trip("192.0.2.7:443");
    check_round_trip("0.0.0.0:0");
    check_round_trip("[2001:db8::7]:65535");
    check_round_trip("[::]:443");
}

TEST_CASE("an IPv4-mapped socket address is an IPv4 address") {
    sockaddr_in6 mapped{};
    mapped.sin6_family = AF_INET6;
    mapped.sin6_port = htons(80);
    mapped.sin6_addr.s6_addr[10] = mapped.sin6_addr.s6_addr[11] = 0xff;
    mapped.sin6_addr.s6_addr[15] = 9;
    sockaddr_storage storage{};
    std::memcpy(&storage, &mapped, sizeof mapped);
    CHECK(os::to_endpoint(storage) == ip_endpoint::parse("0.0.0.9:80"));
}

TEST_CASE("a socket address of another family is none") {
    sockaddr_storage storage{};
    storage.ss_family = AF_UNIX;
    CHECK_FALSE(os::to_endpoint(storage));
    const os::unique_fd unix_socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    CHECK(os::local_endpoint(unix_socket.get()).error() == os::make_error(EAFNOSUPPORT));
    CHECK(os::local_endpoint(-1).error() == os::make_error(EBADF));
}

// What a backend can do with a client's socket: it is one of our own user's (tests/e2e/test_port_theft.py).
TEST_CASE("listen_tcp: nobody can share the address, nor have one within it, SO_REUSEPORT or not") {
    const same_descriptors check;
    const auto row = GENERATE(values<std::array<const char*, 2>>({
        {"127.0.0.1:0", "127.0.0.1"},
        {"0.0.0.0:0", "127.0.0.1"},
        {"0.0.0.0:0", "0.0.0.0"},
        {"[::]:0", "127.0.0.1"},
        {"127.0.0.1:0", "0.0.0.0"},
    }));
    CAPTURE(row[0], row[1]);
    const auto listener = os::listen_tcp(*ip_endpoint::parse(row[0]));
    REQUIRE(listener);
    sockaddr_storage storage;
    const auto size = os::to_sockaddr({*ip_address::parse(row[1]), bound_to(listener->get()).port}, storage);
    const os::unique_fd thief{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const int on = 1;
    REQUIRE(::setsockopt(thief.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0);
    REQUIRE(::setsockopt(thief.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0);
    CHECK(::bind(thief.get(), reinterpret_cast<const sockaddr*>(&storage), size) != 0);
    CHECK(errno == EADDRINUSE);
}

TEST_CASE("listen_tcp: an address that somebody has for himself is in use") {
    const same_descriptors check;
    const auto taken = plain_listener();
    const auto listener = os::listen_tcp(bound_to(taken.get()));
    REQUIRE_FALSE(listener);
    CHECK(listener.error() == os::make_error(EADDRINUSE));
}

TEST_CASE("listen_tcp: an address of another machine is none of ours") {
    CHECK(os::listen_tcp(*ip_endpoint::parse("192.0.2.1:0")).error() == os::make_error(EADDRNOTAVAIL));
}

TEST_CASE("listen_tcp: the unspecified IPv6 address takes IPv4 clients, a specific one does not") {
    const same_descriptors check;
    const auto any = os::listen_tcp(*ip_endpoint::parse("[::]:0"));
    REQUIRE(any);
    CHECK(option_of(any->get(), IPPROTO_IPV6, IPV6_V6ONLY) == 0);
    const tcp_client client{{any_port.address, bound_to(any->get()).port}};
    client.send("x");
    const auto accepted = accept_from(any->get());
    CHECK(accepted.client == client.local()); // not the mapped form
    const auto loopback = os::listen_tcp(*ip_endpoint::parse("[::1]:0"));
    REQUIRE(loopback);
    CHECK(option_of(loopback->get(), IPPROTO_IPV6, IPV6_V6ONLY) == 1);
}

TEST_CASE("listen_tcp: connections that are left of a listener are not in the way of the next") {
    const same_descriptors check;
    ip_endpoint endpoint;
    os::unique_fd left;
    {
        const auto listener = os::listen_tcp(any_port);
        endpoint = bound_to(listener->get());
        tcp_client client{endpoint};
        client.send("x");
        left = accept_from(listener->get()).fd;
    }
    CHECK(os::listen_tcp(endpoint));
    left.reset(); // and is in TIME_WAIT
    CHECK(os::listen_tcp(endpoint));
}

TEST_CASE("listen_tcp: a link-local address is on an interface") {
    sockaddr_storage storage;
    os::to_sockaddr(*ip_endpoint::parse("[fe80::1]:443"), storage, 7);
    sockaddr_in6 v6;
    std::memcpy(&v6, &storage, sizeof v6);
    CHECK(v6.sin6_scope_id == 7);
}

TEST_CASE("is_listening: only of a socket that listens") {
    const auto listener = os::listen_tcp(any_port);
    CHECK(os::is_listening(listener->get()));
    CHECK_FALSE(os::is_listening(tcp_connection{}.accepted.get()));
    CHECK_FALSE(os::is_listening(-1));
}

TEST_CASE(
    "accept_client: the socket blocks for its backend, is not inherited, and has what the listener has") {
    const same_descriptors check;
    const auto listener = os::listen_tcp(any_port);
    const tcp_client client{bound_to(listener->get())};
    client.send("x");
    const auto accepted = accept_from(listener->get());
    CHECK(accepted.client == client.local());
    CHECK(os::local_endpoint(accepted.fd.get()).value() == bound_to(listener->get()));
    CHECK((::fcntl(accepted.fd.get(), F_GETFL) & O_NONBLOCK) == 0);
    CHECK((::fcntl(accepted.fd.get(), F_GETFD) & FD_CLOEXEC) != 0);
    CHECK(option_of(accepted.fd.get(), IPPROTO_TCP, TCP_NODELAY) == 1);
    CHECK(option_of(accepted.fd.get(), SOL_SOCKET, SO_OOBINLINE) == 1);
}

TEST_CASE("discard: takes bytes out of a socket that knows no MSG_TRUNC, as kTLS") {
    const same_descriptors check;
    std::array<int, 2> ends{}; // a unix stream does not, either
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
    const os::unique_fd near{ends[0]}, far{ends[1]};
    const std::string text(10'000, 'x');
    REQUIRE(::send(far.get(), text.data(), text.size(), 0) == std::ssize(text));
    CHECK(os::discard(near.get(), 9'999).value() == 9'999);
    CHECK(os::discard(near.get(), 9'999).value() == 1);
    CHECK(os::would_block(os::discard(near.get(), 1).error()));
}

TEST_CASE("discard: where it has to copy, it takes 1 MiB a call at most") {
    constexpr std::size_t limit = 1U << 20;
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
    const os::unique_fd near{ends[0]}, far{ends[1]};
    const int room = 4 * limit;
    if (::setsockopt(far.get(), SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room) != 0) // not root
        (void)::setsockopt(far.get(), SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    const std::string text(limit + 1, 'x');
    if (::send(far.get(), text.data(), text.size(), MSG_DONTWAIT) != std::ssize(text))
        return skipped("net.core.wmem_max is too small");
    CHECK(os::discard(near.get(), 1U << 30).value() == limit);
    CHECK(os::discard(near.get(), 1U << 30).value() == 1);
}

TEST_CASE("accept_client: an empty backlog would block") {
    const same_descriptors check;
    const auto listener = os::listen_tcp(any_port);
    CHECK(os::would_block(os::accept_client(listener->get()).error()));
}

TEST_CASE("accept_queue_size: who waits to be accepted, and nobody who has not spoken") {
    const same_descriptors check;
    const auto listener = os::listen_tcp(any_port);
    CHECK(os::accept_queue_size(listener->get()).value() == 0);
    const tcp_client silent{bound_to(listener->get())};
    const tcp_client first{bound_to(listener->get())};
    const tcp_client second{bound_to(listener->get())};
    first.send("x");
    second.send("x");
    while (os::accept_queue_size(listener->get()).value() < 2)
        std::this_thread::yield();
    const auto accepted = accept_from(listener->get());
    CHECK(os::accept_queue_size(listener->get()).value() == 1);
}

TEST_CASE("accept_queue_size: a socket that does not listen has none") {
    CHECK(os::accept_queue_size(tcp_connection{}.accepted.get()).error() == os::make_error(EINVAL));
    const auto listener = os::listen_tcp(any_port);
    REQUIRE(::shutdown(listener->get(), SHUT_RDWR) == 0);
    CHECK(os::accept_queue_size(listener->get()).error() == os::make_error(EINVAL));
    CHECK(os::accept_queue_size(-1).error() == os::make_error(EBADF));
}

TEST_CASE("accept_client: a client of a family without addresses is an error, and closed") {
    const same_descriptors check;
    const os::unique_fd listener{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    socklen_t size = sizeof address;
    // Of no more than the family: the kernel chooses a name.
    REQUIRE(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof(sa_family_t)) == 0);
    REQUIRE(::listen(listener.get(), 1) == 0);
    REQUIRE(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
    const os::unique_fd client{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    REQUIRE(::connect(client.get(), reinterpret_cast<sockaddr*>(&address), size) == 0);
    CHECK(os::accept_client(listener.get()).error() == os::make_error(EAFNOSUPPORT));
}

TEST_CASE("peek: what is looked at stays in the socket") {
    const same_descriptors check;
    const tcp_connection pair;
    std::array<std::uint8_t, 16> buffer{};
    CHECK(os::would_block(os::peek(pair.accepted.get(), buffer).error()));
    pair.client.send("hello");
    REQUIRE(is_readable(pair.accepted.get()));
    for (int i = 0; i < 2; ++i) {
        REQUIRE(os::peek(pair.accepted.get(), buffer).value() == 5);
        CHECK(as_text(byte_view{buffer}.first(5)) == "hello");
    }
    CHECK(os::peek(pair.accepted.get(), std::span{buffer}.first(2)).value() == 2);
    CHECK(unread(pair.accepted.get()) == 5);
}

TEST_CASE("peek: a client that closed is 0 bytes, one that reset an error") {
    const same_descriptors check;
    std::array<std::uint8_t, 16> buffer{};
    tcp_connection closed;
    closed.client.close();
    REQUIRE(is_readable(closed.accepted.get()));
    CHECK(os::peek(closed.accepted.get(), buffer).value() == 0);
    tcp_connection reset;
    reset.client.reset();
    REQUIRE(is_readable(reset.accepted.get()));
    CHECK(os::is_disconnect(os::peek(reset.accepted.get(), buffer).error()));
}

TEST_CASE("discard: takes as many bytes as there are, at most n") {
    const same_descriptors check;
    const tcp_connection pair;
    CHECK(os::would_block(os::discard(pair.accepted.get(), 1).error()));
    pair.client.send_segment(as_bytes("hel"));
    pair.client.send_segment(as_bytes("lo, world"));
    CHECK(os::discard(pair.accepted.get(), 5).value() == 5);
    std::array<std::uint8_t, 16> buffer{};
    REQUIRE(os::peek(pair.accepted.get(), buffer).value() == 7);
    CHECK(as_text(byte_view{buffer}.first(7)) == ", world");
    CHECK(os::discard(pair.accepted.get(), 1U << 30).value() == 7);
    CHECK(unread(pair.accepted.get()) == 0);
    pair.client.finish();
    REQUIRE(is_readable(pair.accepted.get()));
    CHECK(os::discard(pair.accepted.get(), 1).value() == 0);
}

TEST_CASE("wait_for_bytes: the socket is readable at the n-th byte, not before") {
    const same_descriptors check;
    const tcp_connection pair;
    REQUIRE_FALSE(os::wait_for_bytes(pair.accepted.get(), 10));
    pair.client.send_segment(bytes(9));
    CHECK_FALSE(is_readable(pair.accepted.get(), std::chrono::milliseconds{0}));
    pair.client.send_segment(bytes(1));
    CHECK(is_readable(pair.accepted.get(), std::chrono::milliseconds{0}));
    CHECK(os::wait_for_bytes(-1, 1) == os::make_error(EBADF));
}

TEST_CASE("wait_for_bytes: the receive buffer grows for what is waited for") {
    const same_descriptors check;
    constexpr std::size_t size = 400'000; // the largest hello in 1-byte records, and more
    const tcp_connection pair;
    REQUIRE_FALSE(os::wait_for_bytes(pair.accepted.get(), size));
    pair.client.send(bytes(size));
    REQUIRE(is_readable(pair.accepted.get()));
    CHECK(unread(pair.accepted.get()) == size);
}

TEST_CASE("peer_has_closed: at FIN and RST, whatever lies unread before it") {
    const same_descriptors check;
    tcp_connection pair;
    CHECK_FALSE(os::peer_has_closed(pair.accepted.get()));
    pair.client.send_segment(bytes(3));
    CHECK_FALSE(os::peer_has_closed(pair.accepted.get()));
    pair.client.finish();
    REQUIRE_FALSE(os::wait_for_bytes(pair.accepted.get(), 100)); // readable only because of the FIN
    REQUIRE(is_readable(pair.accepted.get()));
    CHECK(os::peer_has_closed(pair.accepted.get()));
    tcp_connection reset;
    reset.client.reset();
    REQUIRE(is_readable(reset.accepted.get()));
    CHECK(os::peer_has_closed(reset.accepted.get()));
}

TEST_CASE("finish: the client hears the last words and FIN, though bytes were unread") {
    const same_descriptors check;
    tcp_connection pair;
    pair.client.send_segment(bytes(1000));
    CHECK_FALSE(os::finish(pair.accepted.get(), as_bytes("bye")));
    pair.accepted.reset();
    std::string heard;
    CHECK(pair.client.read_to_end(heard) == ending::fin);
    CHECK(heard == "bye");
}

TEST_CASE("finish: long last words are not kept for minutes where the client does not take them") {
    const auto [size, limit] = GENERATE(std::pair{10, 0}, std::pair{30'000, 10'000});
    tcp_connection pair;
    CHECK_FALSE(os::finish(pair.accepted.get(), as_bytes(std::string(static_cast<std::size_t>(size), 'x'))));
    int set = -1;
    socklen_t length = sizeof set;
    REQUIRE(::getsockopt(pair.accepted.get(), IPPROTO_TCP, TCP_USER_TIMEOUT, &set, &length) == 0);
    CHECK(set == limit);
}

TEST_CASE("close with unread bytes and no finish: RST") {
    tcp_connection pair;
    pair.client.send_segment(bytes(1000));
    pair.accepted.reset();
    CHECK(pair.client.read_to_end() == ending::reset);
}

TEST_CASE("finish: true if the client has closed already, bytes unread or not") {
    const same_descriptors check;
    for (const std::size_t size : {0U, 10U}) {
        CAPTURE(size);
        tcp_connection pair;
        pair.client.send_segment(bytes(size));
        pair.client.finish();
        REQUIRE_FALSE(os::wait_for_bytes(pair.accepted.get(), 100));
        REQUIRE(is_readable(pair.accepted.get()));
        CHECK(os::finish(pair.accepted.get(), {}));
        pair.accepted.reset();
        CHECK(pair.client.read_to_end() == ending::fin);
    }
}

TEST_CASE("finish: true if the client has reset") {
    const same_descriptors check;
    tcp_connection pair;
    pair.client.reset();
    REQUIRE(is_readable(pair.accepted.get()));
    CHECK(os::finish(pair.accepted.get(), as_bytes("bye")));
}

TEST_CASE("close_with_reset: RST, with nothing unread") {
    const same_descriptors check;
    tcp_connection pair;
    os::close_with_reset(std::move(pair.accepted));
    CHECK(pair.client.read_to_end() == ending::reset);
}
