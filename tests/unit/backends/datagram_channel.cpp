// SPDX-License-Identifier: BSL-1.0
// A connected datagram socket: when it may send, what it passes, and a receiver that is full or was
// restarted.
#include "snipass/backends/datagram_channel.hpp"

#include "catch.hpp"
#include "handoff_sender.hpp"
#include "same_descriptors.hpp"
#include "snipass/os/error.hpp"
#include "snipass/os/tcp.hpp"
#include "tcp_client.hpp"
#include "unix_backend.hpp"

using namespace snipass;
using namespace snipass::testing;
using handoff_test::temporary_folder;

namespace {

const bytes hello{'h', 'e', 'l', 'l', 'o'};
const error_code success;
const auto full = os::make_error(EAGAIN);

// Sends until the queue is full; the clients that were taken are dropped.
std::size_t fill(server::datagram_channel& channel) {
    for (std::size_t n = 0;; ++n) {
        tcp_connection pair;
        if (channel.ready(hello.size()))
            return n;
        const auto problem = channel.send(pair.accepted.get(), hello);
        if (problem == full)
            return n;
        REQUIRE(problem == success);
    }
}

} // namespace

TEST_CASE("datagram_channel: one datagram with the bytes and the client") {
    const same_descriptors check;
    const datagram_backend backend;
    server::datagram_channel channel{backend.path(), std::make_shared<server::presence>()};
    tcp_connection pair;
    pair.client.send(" world");
    REQUIRE(channel.ready(hello.size()) == success);
    REQUIRE(channel.send(pair.accepted.get(), hello) == success);
    pair.accepted.reset();
    const auto got = backend.receive();
    CHECK(got.first == hello);
    wait_until_unread(got.client.get(), 6);
    CHECK(::shutdown(got.client.get(), SHUT_RDWR) == 0);
    CHECK(pair.client.read_to_end() == ending::fin);
}

TEST_CASE("datagram_channel: one socket for all clients") {
    const same_descriptors check;
    const datagram_backend backend;
    server::datagram_channel channel{backend.path(), std::make_shared<server::presence>()};
    std::size_t open = 0;
    for (int i = 0; i < 3; ++i) {
        tcp_connection pair;
        REQUIRE(channel.ready(hello.size()) == success);
        REQUIRE(channel.send(pair.accepted.get(), hello) == success);
        (void)backend.receive();
        if (i > 0)
            CHECK(descriptors_open().size() == open);
        open = descriptors_open().size();
    }
}

TEST_CASE("datagram_channel: nobody there is absent or refused, and it is tried anew each time") {
    const same_descriptors check;
    const temporary_folder folder;
    const std::string path = folder.path / "socket";
    server::datagram_channel channel{path, std::make_shared<server::presence>()};
    CHECK(channel.ready(1) == os::make_error(ENOENT));
    datagram_backend backend{path};
    backend.close();
    CHECK(channel.ready(1) == os::make_error(ECONNREFUSED));
    CHECK(channel.ready(1) == os::make_error(ECONNREFUSED));
    std::filesystem::remove(path);
    const datagram_backend back{path};
    CHECK(channel.ready(1) == success);
}

TEST_CASE("datagram_channel: a full queue is told, and asked about before anything is consumed") {
    const same_descriptors check;
    const datagram_backend backend;
    server::datagram_channel channel{backend.path(), std::make_shared<server::presence>()};
    const auto queued = fill(channel);
    CHECK(queued > 0);
    const auto asked = channel.ready(hello.size());
    CHECK(asked == full);
    (void)backend.receive();
    CHECK(channel.ready(hello.size()) == success); // room again
    tcp_connection pair;
    CHECK(channel.send(pair.accepted.get(), hello) == success);
    CHECK(channel.ready(hello.size()) == success); // believed, for the last one went
}

TEST_CASE(
    "datagram_channel: a queue that somebody else has filled is found full before anything is consumed") {
    const same_descriptors check;
    const datagram_backend backend;
    (void)fill_queue(backend.path());
    server::datagram_channel channel{backend.path(), std::make_shared<server::presence>()};
    CHECK(channel.ready(hello.size()) == full);
}

TEST_CASE("datagram_channel: a receiver that was restarted is connected to anew") {
    const same_descriptors check;
    const temporary_folder folder;
    const std::string path = folder.path / "socket";
    auto backend = std::make_unique<datagram_backend>(path);
    server::datagram_channel channel{path, std::make_shared<server::presence>()};
    REQUIRE(channel.ready(hello.size()) == success);
    backend.reset();
    std::filesystem::remove(path);
    const datagram_backend next{path};
    tcp_connection pair;
    CHECK(channel.send(pair.accepted.get(), hello) == os::make_error(ECONNREFUSED));
    REQUIRE(channel.ready(hello.size()) == success);
    REQUIRE(channel.send(pair.accepted.get(), hello) == success);
    CHECK(next.receive().first == hello);
}

TEST_CASE("datagram_channel: a full queue is left for the one that has taken its place") {
    const same_descriptors check;
    const temporary_folder folder;
    const std::string path = folder.path / "socket";
    const datagram_backend hung{path};
    server::datagram_channel channel{path, std::make_shared<server::presence>()};
    (void)fill(channel);
    std::filesystem::remove(path);
    CHECK(channel.ready(hello.size()) == full); // nobody else there
    const datagram_backend next{path};
    tcp_connection pair;
    int looks = 1;
    while (looks < 100 && channel.ready(hello.size()) == full)
        ++looks;
    CHECK(looks < 10);
    REQUIRE(channel.send(pair.accepted.get(), hello) == success);
    CHECK(next.receive().first == hello);
}

TEST_CASE("datagram_channel: the largest hello there is goes through") {
    const same_descriptors check;
    const datagram_backend backend;
    server::datagram_channel channel{backend.path(), std::make_shared<server::presence>()};
    const bytes largest(6 * 65'536, 'x'); // in records of one byte
    tcp_connection pair;
    REQUIRE(channel.ready(largest.size()) == success);
    REQUIRE(channel.send(pair.accepted.get(), largest) == success);
    CHECK(backend.receive().first == largest);
}

TEST_CASE("datagram_channel: what no datagram can carry is said before anything is consumed") {
    const same_descriptors check;
    const datagram_backend backend;
    server::datagram_channel channel{backend.path(), std::make_shared<server::presence>()};
    const auto answer = channel.ready(8U << 20);
    CHECK(answer == os::make_error(EMSGSIZE));
    CHECK(channel.ready(hello.size()) == success); // no reason to doubt the others
    // The limit is exact.
    const int granted = [&] {
        const os::unique_fd other{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
        const int wanted = 1 << 20;
        REQUIRE(::setsockopt(other.get(), SOL_SOCKET, SO_SNDBUF, &wanted, sizeof wanted) == 0);
        return option_of(other.get(), SOL_SOCKET, SO_SNDBUF);
    }();
    const auto limit = static_cast<std::size_t>(granted) - 32;
    tcp_connection pair;
    CHECK(channel.ready(limit) == success);
    CHECK(channel.send(pair.accepted.get(), bytes(limit)) == success);
    CHECK(channel.ready(limit + 1) == os::make_error(EMSGSIZE));
}
