#include "snipass/server/hello_notes.hpp"
#include "snipass/server/proxied_session.hpp"

#include "catch.hpp"
#include "hello_builder.hpp"

using namespace snipass;
using namespace snipass::testing;

namespace {

server::hello_notes notes_of(const hello_builder& hello, bool with_details = false) {
    const auto message = hello.message();
    const auto parsed = tls::parse_client_hello(message).value();
    const auto name = parsed.server_name ? host_name::parse(*parsed.server_name) : std::nullopt;
    return server::take_notes(parsed, name, with_details);
}

} // namespace

TEST_CASE("take_notes: the name as sent, and as a host name if it is one") {
    const auto plain = notes_of(hello_builder::tls13());
    CHECK_FALSE(plain.server_name);
    CHECK(plain.host_name.empty());
    CHECK(plain.alpn.empty());
    const auto named = notes_of(hello_builder::tls13().server_name("WWW.example.com."));
    CHECK(named.server_name == "WWW.example.com.");
    CHECK(named.host_name == "www.example.com");
    const auto address = notes_of(hello_builder::tls13().server_name("192.0.2.1"));
    CHECK(address.server_name == "192.0.2.1");
    CHECK(address.host_name.empty());
}

TEST_CASE("take_notes: of a long ALPN offer the whole entries that fit into 256 bytes") {
    const std::string longest(255, 'a');
    CHECK(notes_of(hello_builder::tls13().alpn({longest})).alpn.size() == 256);
    CHECK(notes_of(hello_builder::tls13().alpn({longest, "h2"})).alpn.size() == 256);
    CHECK(notes_of(hello_builder::tls13().alpn({"h2", longest})).alpn == std::string{"\2h2"});
}

TEST_CASE("take_notes: details only where they are asked for") {
    const auto hello = hello_builder::tls13().server_name("www.example.com");
    CHECK_FALSE(notes_of(hello).more);
    const auto more = notes_of(hello, true).more;
    REQUIRE(more);
    CHECK(std::count(more->versions.begin(), more->versions.end(), "TLS 1.3") == 1);
    CHECK_FALSE(more->groups.empty());
    CHECK_FALSE(more->ech);
    CHECK_FALSE(more->ja4.empty());
    CHECK(notes_of(hello_builder::tls13().ech_outer(), true).more->ech);
}

TEST_CASE("take_notes: GREASE is left out, long lists are cut, and TLS 1.2 is its legacy version") {
    std::vector<std::uint16_t> versions{0x0a0a, 0x0304};
    for (std::uint16_t i = 0; i < 40; ++i)
        versions.push_back(static_cast<std::uint16_t>(0x7f00 + i));
    const auto more = notes_of(hello_builder::tls13().supported_versions(versions), true).more;
    CHECK(more->versions.size() == 16);
    CHECK(more->versions.front() == "TLS 1.3");
    CHECK(notes_of(hello_builder::bare(), true).more->versions == std::vector<std::string>{"TLS 1.2"});
}

// With what the allocator adds, and a long name or two, 1 KiB is not reached (tests/e2e/test_relay.py
// counts).
TEST_CASE("an idle proxied session is small") {
    CHECK(sizeof(server::proxied_session) + sizeof(server::hello_notes) <= 768);
}
