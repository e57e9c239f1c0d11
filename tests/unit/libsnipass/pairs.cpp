// SPDX-License-Identifier: BSL-1.0
// Clients whose TLS has ended in snipass-tls, which stays in the path: one end of a socket pair.
#include "receiver_fixture.hpp"
#include "same_descriptors.hpp"

#include <optional>

using namespace handoff_test;
using snipass::testing::same_descriptors;

namespace {

// offer is a handoff of one end of a pair, whose other end is `kept`; `tls` is what TLV 20 says, if anything.
test_fd offer(const std::string& path, std::optional<test_fd>& kept, const std::string& tls = {}) {
    std::array<int, 2> ends{};
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
    const test_fd passed{ends[0]};
    kept.emplace(ends[1]);
    byte_string rest{192, 0, 2, 7, 198, 51, 100, 1, 0xc3, 0x50, 0x01, 0xbb};
    append_tlv(rest, 0xe2, "\2");
    if (!tls.empty())
        append_tlv(rest, 0x20, tls);
    auto connection = connect_unix(path);
    send_with(connection, header_around(0x21, 0x11, rest), std::array{passed.get()});
    shutdown(connection.get(), SHUT_WR);
    return connection;
}

} // namespace

TEST_CASE("libsnipass: one end of a socket pair is taken where it was asked for, and the header believed") {
    const same_descriptors check;
    fixture test;
    std::optional<test_fd> kept;
    test.options.in_clear = GENERATE(1, 3);
    const auto receiver = test.listen();
    const auto connection = offer(test.path, kept);
    const auto client = receive(receiver);
    REQUIRE(client);
    socklen_t size = 0;
    CHECK(snipass_client_in_clear(client.get()) == SNIPASS_PAIRS);
    CHECK(snipass_client_farewell(client.get()) == nullptr);
    CHECK(text_of(snipass_client_peer(client.get(), &size)) == "192.0.2.7:50000");
    CHECK(text_of(snipass_client_local(client.get(), &size)) == "198.51.100.1:443");
    CHECK(answer_of(connection) == answer::ack);
}

TEST_CASE("libsnipass: the name of a client's certificate is known where it was verified") {
    const same_descriptors check;
    struct row {
        std::string tls;
        const char* name;
    };
    const row rows[] = {
        {{"\7\0\0\0\0\x22\0\4some", 12}, "some"},
        {{"\7\0\0\0\0\x22\0\4so\ne", 12}, ""},
        {{"\7\0\0\0\0", 5}, ""},
        {{"\7\0\0\0\1\x22\0\4some", 12}, nullptr},
        {{"\1\0\0\0\0\x22\0\4some", 12}, nullptr},
    };
    fixture test;
    test.options.in_clear = SNIPASS_PAIRS;
    const auto receiver = test.listen();
    for (const auto& one : rows) {
        std::optional<test_fd> kept;
        const auto connection = offer(test.path, kept, one.tls);
        const auto client = receive(receiver);
        REQUIRE(client);
        const char* const name = snipass_client_certified_name(client.get());
        CHECK((name == nullptr) == (one.name == nullptr));
        if (name != nullptr && one.name != nullptr)
            CHECK(std::string{name} == one.name);
    }
}

TEST_CASE("libsnipass: one end of a socket pair is refused where it was not asked for") {
    const same_descriptors check;
    fixture test;
    std::optional<test_fd> kept;
    test.options.in_clear = GENERATE(0, 2);
    const auto receiver = test.listen();
    const auto connection = offer(test.path, kept);
    CHECK_FALSE(receive(receiver));
    CHECK(answer_of(connection) == answer::closed);
}

TEST_CASE("libsnipass: a client that speaks TLS itself is taken whatever else was asked for") {
    fixture test;
    test.options.in_clear = SNIPASS_PAIRS | SNIPASS_KERNEL_TLS;
    const auto receiver = test.listen();
    const auto pair = make_tcp_pair();
    const auto connection = hand_over(test.path, pair.near.get());
    const auto client = receive(receiver);
    REQUIRE(client);
    CHECK(snipass_client_in_clear(client.get()) == 0);
}
