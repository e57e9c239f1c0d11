// SPDX-License-Identifier: BSL-1.0
// What OpenSSL may read, and what stays in the socket.
#include "snipass/terminate/wire.hpp"

#include "catch.hpp"
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
