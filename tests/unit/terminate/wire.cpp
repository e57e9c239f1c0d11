// SPDX-License-Identifier: BSL-1.0
// What OpenSSL may read, and what stays in the socket.
#include "snipass/terminate/wire.hpp"

#include "catch.hpp"
#include "scarce_memory.hpp"
#include "snipass/os/error.hpp"
#include "snipass/terminate/connection.hpp"
#include "tcp_client.hpp"

using namespace snipass;
using namespace snipass::testing;
using terminate::wire;

namespace {

std::string record(std::size_t size, char content) {
    return std::string{"\x16\x03\x03", 3} + static_cast<char>(size >> 8) + static_cast<char>(size) +
           std::string(size, content);
}

// Reads as OpenSSL would that wants a lot.
std::string read(wire& from, std::size_t most = 4'096) {
    std::vector<std::uint8_t> room(most);
    const int n = from.read(room);
    return n < 0 ? "later" : std::string(room.begin(), room.begin() + n);
}

} // namespace

TEST_CASE("wire: a read ends with the head, and with the record") {
    const tcp_connection one;
    wire exact{one.accepted.get()};
    one.client.send_segment(as_bytes(record(300, 'a') + record(2, 'b') + "behind"));
    CHECK(read(exact).size() == 5);
    CHECK_FALSE(exact.is_at_boundary());
    CHECK(read(exact, 100) == std::string(100, 'a'));
    CHECK(read(exact) == std::string(200, 'a'));
    CHECK(exact.is_at_boundary());
    CHECK(read(exact, 2).size() == 2);
    CHECK(read(exact).size() == 3);
    CHECK(read(exact) == "bb");
    CHECK(exact.is_at_boundary());
    exact.stop();
    CHECK(read(exact) == "later");
    CHECK(exact.refused() == 1);
    CHECK(unread(one.accepted.get()) == 6);
}

TEST_CASE("wire: a record that has begun is read to its end, also when the handshake is over") {
    const tcp_connection one;
    wire exact{one.accepted.get()};
    const auto whole = record(10, 'a');
    one.client.send_segment(as_bytes(whole.substr(0, 8)));
    CHECK(read(exact).size() == 5);
    CHECK(read(exact) == "aaa");
    exact.stop();
    CHECK(read(exact) == "later"); // it has not come
    CHECK(exact.refused() == 0);
    one.client.send_segment(as_bytes(whole.substr(8)));
    CHECK(read(exact) == std::string(7, 'a'));
    CHECK(exact.is_at_boundary());
}

TEST_CASE("wire: an empty record is one") {
    const tcp_connection one;
    wire exact{one.accepted.get()};
    one.client.send_segment(as_bytes(record(0, 'x') + record(1, 'y')));
    CHECK(read(exact).size() == 5);
    CHECK(exact.is_at_boundary());
    CHECK(read(exact).size() == 5);
    CHECK(read(exact) == "y");
}

TEST_CASE("wire: it tells how the socket ended") {
    tcp_connection one;
    wire exact{one.accepted.get()};
    CHECK(read(exact) == "later");
    CHECK_FALSE(exact.problem());
    one.client.finish();
    REQUIRE(is_readable(one.accepted.get()));
    CHECK(read(exact).empty());
    CHECK(exact.has_ended());
    one.client.reset();
    REQUIRE(is_readable(one.accepted.get()));
    std::string some = "x";
    for (int i = 0; i < 2; ++i)
        (void)exact.write(as_bytes(some));
    CHECK(exact.problem());
}

TEST_CASE("wire: a step looks at all that is there, and takes out what was read") {
    const tcp_connection one;
    wire exact{one.accepted.get()};
    std::string sent;
    for (int i = 0; i < 200; ++i)
        sent += record(1, static_cast<char>('a' + i % 26));
    one.client.send_segment(as_bytes(sent + "behind"));
    wait_until_unread(one.accepted.get(), sent.size() + 6);
    std::vector<std::uint8_t> room(sent.size() + 3); // a look ends in the middle of what is behind
    std::string heard;
    exact.begin_step(room);
    while (heard.size() < 200 * 6) {
        heard += read(exact);
        if (heard.size() == 600)
            CHECK(unread(one.accepted.get()) == sent.size() + 6); // not a system call for each record
    }
    exact.end_step();
    CHECK(heard == sent);
    CHECK(unread(one.accepted.get()) == 6);
    CHECK(exact.is_at_boundary());
}

TEST_CASE("wire: a step ends after so many looks, though there is more, and the next goes on") {
    const tcp_connection one;
    wire exact{one.accepted.get()};
    std::array<std::uint8_t, 64> room{};
    const auto a_step = room.size() * wire::most_looks;
    const auto whole = record(2 * a_step - 5, 'a');
    one.client.send_segment(as_bytes(whole + "b"));
    wait_until_unread(one.accepted.get(), whole.size() + 1);
    std::string heard;
    for (std::size_t step = 1; step <= 2; ++step) {
        exact.begin_step(room);
        while (heard.size() < step * a_step)
            heard += read(exact);
        CHECK(read(exact) == "later");
        exact.end_step();
        CHECK(unread(one.accepted.get()) == whole.size() + 1 - heard.size());
    }
    CHECK(heard == whole);
    CHECK(exact.refused() == 0);
    CHECK_FALSE(exact.problem());
}

TEST_CASE("wire: a step that meets no more than it needs goes on with the next") {
    const tcp_connection one;
    wire exact{one.accepted.get()};
    const auto whole = record(300, 'a');
    std::array<std::uint8_t, 64> room{};
    exact.begin_step(room);
    one.client.send_segment(as_bytes(whole.substr(0, 3)));
    wait_until_unread(one.accepted.get(), 3);
    CHECK(read(exact) == whole.substr(0, 3));
    CHECK(read(exact, 2) == "later");
    CHECK(exact.is_dry());
    exact.end_step();
    one.client.send_segment(as_bytes(whole.substr(3) + "behind"));
    wait_until_unread(one.accepted.get(), whole.size() - 3 + 6);
    exact.begin_step(room);
    std::string heard;
    while (!exact.is_at_boundary())
        heard += read(exact);
    exact.end_step();
    CHECK(heard == whole.substr(3));
    CHECK(unread(one.accepted.get()) == 6);
}

TEST_CASE("wire: once it streams, it reads once for each leave") {
    const tcp_connection one;
    wire streams{one.accepted.get()};
    streams.stream();
    one.client.send_segment(as_bytes("all of it"));
    wait_until_unread(one.accepted.get(), 9);
    CHECK(read(streams, 3) == "later");
    streams.may_read();
    CHECK(read(streams, 3) == "all");
    CHECK(read(streams, 3) == "later");
    CHECK_FALSE(streams.is_dry()); // there is more
    streams.may_read();
    CHECK(read(streams) == " of it");
    streams.may_read();
    CHECK(read(streams) == "later");
    CHECK(streams.is_dry());
}

TEST_CASE("wire: once it streams, it takes all, and sends what it keeps when there is room") {
    tcp_connection one;
    wire streams{one.accepted.get()};
    streams.stream();
    std::string said;
    const auto say = [&](std::size_t size) {
        const std::string piece(size, static_cast<char>('a' + said.size() % 26));
        CHECK(streams.write(as_bytes(piece)) == static_cast<int>(size));
        said += piece;
    };
    while (streams.unsent() == 0)
        say(50'001);
    const auto kept = streams.unsent();
    say(27);
    CHECK(streams.unsent() == kept + 27);
    std::string heard;
    while (heard.size() < said.size()) {
        streams.flush();
        heard += one.client.receive(std::min<std::size_t>(said.size() - heard.size(), 1'000));
    }
    CHECK(heard == said);
    CHECK(streams.unsent() == 0);
    streams.mute();
    CHECK(streams.write(as_bytes("unheard")) == 7);
    one.accepted.reset();
    CHECK(one.client.read_to_end() == ending::fin);
}

TEST_CASE("wire: OpenSSL, which is C, sees no exception where there is no memory for what is kept") {
#ifndef SNIPASS_SANITIZED
    const tcp_connection one;
    wire whole{one.accepted.get()};
    whole.stream();
    const std::vector<std::uint8_t> much(16U << 20); // more than a socket takes
    int n = 0;
    {
        const scarce_memory none{0};
        n = whole.write(much);
    }
    CHECK(n == -1);
    CHECK(whole.problem() == os::make_error(ENOMEM));
#endif
}
