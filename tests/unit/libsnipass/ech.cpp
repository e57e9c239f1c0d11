// SPDX-License-Identifier: BSL-1.0
// Receivers of clients with ECH state: who takes them, how long their headers may be, what is wiped.
#include "snipass/ech.h"

#include "ech_sealing.hpp"
#include "receiver_fixture.hpp"

#include <cerrno>

using namespace handoff_test;
using namespace snipass::testing;

namespace {

constexpr std::uint8_t ech_tlv = 0xe0, alpn = 0x01;
constexpr std::size_t largest = 16'384;

struct ech_fixture : fixture {
    bytes inner = inner_hello().message();
    bytes outer = hello_builder::tls13().ech_outer(200).stream();

    ech_fixture() { options.ech = 1; }

    [[nodiscard]] static std::string text_of_bytes(const bytes& all) { return {all.begin(), all.end()}; }
    [[nodiscard]] byte_string header(const std::string& value) const {
        byte_string rest(12);
        append_tlv(rest, alpn, "h2");
        append_tlv(rest, ech_tlv, value);
        return header_around(0x21, 0x11, rest);
    }
    [[nodiscard]] std::string value() const { return text_of_bytes(ech_state_value(inner, outer.size())); }

    [[nodiscard]] client_ptr taken(const byte_string& header, const tcp_pair& client) const {
        const auto receiver = listen();
        const auto connection = connect_unix(path);
        REQUIRE(send_with(connection, header, std::array{client.near.get()}) ==
                static_cast<ssize_t>(header.size()));
        shutdown(connection.get(), SHUT_WR);
        return receive(receiver, 1'000);
    }
};

using ech_ptr = std::unique_ptr<snipass_ech, decltype(&snipass_ech_free)>;

std::string read_all(snipass_ech* ech, int fd) {
    std::string all;
    char bytes[1'000];
    ssize_t n = 0;
    while ((n = snipass_ech_recv(ech, fd, bytes, sizeof bytes)) > 0)
        all.append(bytes, static_cast<std::size_t>(n));
    if (n < 0)
        throw std::runtime_error(std::strerror(errno));
    return all;
}

} // namespace

TEST_CASE_METHOD(ech_fixture, "ech: a client is read as if it had sent the inner hello") {
    const auto client = make_tcp_pair();
    REQUIRE(send(client.far.get(), outer.data(), outer.size(), 0) == static_cast<ssize_t>(outer.size()));
    REQUIRE(send(client.far.get(), "behind", 6, 0) == 6);
    shutdown(client.far.get(), SHUT_WR);
    const auto one = taken(header(value()), client);
    REQUIRE(one);
    CHECK(snipass_client_has_ech(one.get()) != 0);
    const ech_ptr ech{snipass_ech_new(one.get(), toy_open), snipass_ech_free};
    REQUIRE(ech);
    CHECK(snipass_client_has_ech(one.get()) == 0);
    CHECK(snipass_ech_new(one.get(), toy_open) == nullptr);
    CHECK(errno == EINVAL);
    std::string first(outer.size(), 0);
    const auto n = snipass_ech_recv(ech.get(), snipass_client_fd(one.get()), first.data(), first.size());
    CHECK(first.substr(0, static_cast<std::size_t>(n)) == text_of_bytes(record(inner, 22, 0x0303)));
    const auto answer = server_hello(false);
    CHECK(snipass_ech_is_over(ech.get()) == 0);
    snipass_ech_sent(ech.get(), answer.data(), answer.size());
    CHECK(snipass_ech_is_over(ech.get()) != 0);
    CHECK(read_all(ech.get(), snipass_client_fd(one.get())) == "behind");
    CHECK(snipass_ech_why(ech.get()) == nullptr);
}

TEST_CASE_METHOD(ech_fixture, "ech: a second hello that cannot be opened is a failure, with an alert") {
    const auto client = make_tcp_pair();
    ech_offer offer;
    offer.encoded = encoded_inner(inner_hello());
    offer.nonce = ech_base_nonce;
    const auto sent = joined({outer, record(offer.message(), 22, 0x0303)});
    REQUIRE(send(client.far.get(), sent.data(), sent.size(), 0) == static_cast<ssize_t>(sent.size()));
    const auto one = taken(header(value()), client);
    REQUIRE(one);
    const ech_ptr ech{snipass_ech_new(one.get(), toy_open), snipass_ech_free};
    const auto answer = server_hello(true);
    snipass_ech_sent(ech.get(), answer.data(), answer.size());
    CHECK_THROWS_WITH(read_all(ech.get(), snipass_client_fd(one.get())), std::strerror(EPROTO));
    CHECK(std::string{snipass_ech_why(ech.get())}.find("not authentic") != std::string::npos);
    unsigned char alert[SNIPASS_ECH_ALERT_SIZE];
    CHECK(snipass_ech_alert(ech.get(), alert) == sizeof alert);
    CHECK(bytes(alert, alert + sizeof alert) == bytes{21, 3, 3, 0, 2, 2, 51});
}

TEST_CASE_METHOD(ech_fixture, "ech: a receiver that has not said so takes no client with ECH state") {
    options.ech = 0;
    const auto client = make_tcp_pair();
    CHECK_FALSE(taken(header(value()), client));
}

TEST_CASE_METHOD(ech_fixture, "ech: a receiver that has said so takes others as ever") {
    const auto client = make_tcp_pair();
    const auto one = taken(example_header(), client);
    REQUIRE(one);
    CHECK(snipass_client_has_ech(one.get()) == 0);
    CHECK(snipass_client_host_name(one.get()) == "blog.example.com"s);
}

TEST_CASE_METHOD(ech_fixture, "ech: a header of 16 KiB is the largest, and only for who has said so") {
    const auto of_size = [&](std::size_t size) {
        const auto fixed = header(text_of_bytes(ech_state_value({}, 1))).size();
        inner = inner_hello().message_size(size - fixed).message();
        const auto whole = header(value());
        REQUIRE(whole.size() == size);
        return whole;
    };
    const auto client = make_tcp_pair();
    CHECK(taken(of_size(largest), client));
    CHECK_FALSE(taken(of_size(largest + 1), client));
    options.ech = 0;
    byte_string rest(12);
    append_tlv(rest, 0xee, std::string(1'000, 'x'));
    CHECK_FALSE(taken(header_around(0x21, 0x11, rest), client));
}

TEST_CASE_METHOD(ech_fixture, "ech: a state that cannot be read is refused") {
    const auto client = make_tcp_pair();
    auto other = value();
    other[0] = 2;
    CHECK_FALSE(taken(header(other), client));
    CHECK_FALSE(taken(header(""), client));
}
