// SPDX-License-Identifier: BSL-1.0
#include "snipass/net/handoff.hpp"

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
using net::handoff_status;

namespace {

const bytes hello{'h', 'e', 'l', 'l', 'o'};

// Sends until the queue is full; the clients that were taken are dropped.
std::size_t fill(net::datagram_channel& channel) {
    for (std::size_t n = 0;; ++n) {
        tcp_connection pair;
        if (channel.ready(hello.size()).status != handoff_status::taken)
            return n;
        const auto sent = channel.send(pair.accepted, hello);
        if (sent.status == handoff_status::queue_full) {
            CHECK(pair.accepted); // still ours
            return n;
        }
        REQUIRE(sent.status == handoff_status::taken);
    }
}

} // namespace

TEST_CASE("datagram_channel: one datagram with the bytes and the client") {
    const same_descriptors check;
    const datagram_backend backend;
    net::datagram_channel channel{backend.path()};
    tcp_connection pair;
    pair.client.send(" world");
    REQUIRE(channel.ready(hello.size()).status == handoff_status::taken);
    REQUIRE(channel.send(pair.accepted, hello).status == handoff_status::taken);
    CHECK_FALSE(pair.accepted);
    const auto got = backend.receive();
    CHECK(got.first == hello);
    wait_until_unread(got.client.get(), 6);
    CHECK(::shutdown(got.client.get(), SHUT_RDWR) == 0);
    CHECK(pair.client.read_to_end() == ending::fin);
}

TEST_CASE("datagram_channel: one socket for all clients") {
    const same_descriptors check;
    const datagram_backend backend;
    net::datagram_channel channel{backend.path()};
    std::size_t open = 0;
    for (int i = 0; i < 3; ++i) {
        tcp_connection pair;
        REQUIRE(channel.ready(hello.size()).status == handoff_status::taken);
        REQUIRE(channel.send(pair.accepted, hello).status == handoff_status::taken);
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
    net::datagram_channel channel{path};
    CHECK(channel.ready(1).status == handoff_status::absent);
    datagram_backend backend{path};
    backend.close();
    CHECK(channel.ready(1).status == handoff_status::refused);
    CHECK(channel.ready(1).error == os::make_error(ECONNREFUSED));
    std::filesystem::remove(path);
    const datagram_backend back{path};
    CHECK(channel.ready(1).status == handoff_status::taken);
}

TEST_CASE("datagram_channel: a full queue is told, and asked about before anything is consumed") {
    const same_descriptors check;
    const datagram_backend backend;
    net::datagram_channel channel{backend.path()};
    const auto queued = fill(channel);
    CHECK(queued > 0);
    const auto asked = channel.ready(hello.size());
    CHECK(asked.status == handoff_status::queue_full);
    CHECK(asked.error == os::make_error(EAGAIN));
    (void)backend.receive();
    CHECK(channel.ready(hello.size()).status == handoff_status::taken); // room again
    tcp_connection pair;
    CHECK(channel.send(pair.accepted, hello).status == handoff_status::taken);
    CHECK(channel.ready(hello.size()).status == handoff_status::taken); // believed, for the last one went
}

TEST_CASE(
    "datagram_channel: a queue that somebody else has filled is found full before anything is consumed") {
    const same_descriptors check;
    const datagram_backend backend;
    (void)fill_queue(backend.path());
    net::datagram_channel channel{backend.path()};
    CHECK(channel.ready(hello.size()).status == handoff_status::queue_full);
}

TEST_CASE("datagram_channel: a receiver that was restarted is connected to anew") {
    const same_descriptors check;
    const temporary_folder folder;
    const std::string path = folder.path / "socket";
    auto backend = std::make_unique<datagram_backend>(path);
    net::datagram_channel channel{path};
    REQUIRE(channel.ready(hello.size()).status == handoff_status::taken);
    backend.reset();
    std::filesystem::remove(path);
    const datagram_backend next{path};
    tcp_connection pair;
    CHECK(channel.send(pair.accepted, hello).status == handoff_status::refused);
    REQUIRE(pair.accepted); // still ours
    REQUIRE(channel.ready(hello.size()).status == handoff_status::taken);
    REQUIRE(channel.send(pair.accepted, hello).status == handoff_status::taken);
    CHECK(next.receive().first == hello);
}

TEST_CASE("datagram_channel: a full queue is left for the one that has taken its place") {
    const same_descriptors check;
    const temporary_folder folder;
    const std::string path = folder.path / "socket";
    const datagram_backend hung{path};
    net::datagram_channel channel{path};
    (void)fill(channel);
    std::filesystem::remove(path);
    CHECK(channel.ready(hello.size()).status == handoff_status::queue_full); // nobody else there
    const datagram_backend next{path};
    tcp_connection pair;
    int looks = 1;
    while (looks < 100 && channel.ready(hello.size()).status == handoff_status::queue_full)
        ++looks;
    CHECK(looks < 10);
    REQUIRE(channel.send(pair.accepted, hello).status == handoff_status::taken);
    CHECK(next.receive().first == hello);
}

TEST_CASE("datagram_channel: the largest hello there is goes through") {
    const same_descriptors check;
    const datagram_backend backend;
    net::datagram_channel channel{backend.path()};
    const bytes largest(6 * 65'536, 'x'); // in records of one byte
    tcp_connection pair;
    REQUIRE(channel.ready(largest.size()).status == handoff_status::taken);
    REQUIRE(channel.send(pair.accepted, largest).status == handoff_status::taken);
    CHECK(backend.receive().first == largest);
}

TEST_CASE("datagram_channel: what no datagram can carry is said before anything is consumed") {
    const same_descriptors check;
    const datagram_backend backend;
    net::datagram_channel channel{backend.path()};
    const auto answer = channel.ready(8U << 20);
    CHECK(answer.status == handoff_status::failed);
    CHECK(answer.error == os::make_error(EMSGSIZE));
    CHECK(channel.ready(hello.size()).status == handoff_status::taken); // no reason to doubt the others
    // The limit is exact.
    const int granted = [&] {
        const os::unique_fd other{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
        const int wanted = 1 << 20;
        REQUIRE(::setsockopt(other.get(), SOL_SOCKET, SO_SNDBUF, &wanted, sizeof wanted) == 0);
        return option_of(other.get(), SOL_SOCKET, SO_SNDBUF);
    }();
    const auto limit = static_cast<std::size_t>(granted) - 32;
    tcp_connection pair;
    CHECK(channel.ready(limit).status == handoff_status::taken);
    CHECK(channel.send(pair.accepted, bytes(limit)).status == handoff_status::taken);
    CHECK(channel.ready(limit + 1).status == handoff_status::failed);
}
