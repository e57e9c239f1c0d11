// SPDX-License-Identifier: BSL-1.0
#include "snipass/telling/hello_notes.hpp"
#include "snipass/delivery/proxied_session.hpp"

#include "catch.hpp"
#include "hello_builder.hpp"

#include <algorithm>

using namespace snipass;
using namespace snipass::testing;

namespace {

server::hello_notes notes_of(const hello_builder& hello, bool with_details = false) {
    const auto message = hello.message();
    const auto read = tls::parse_client_hello(message).value();
    return {read.server_name, read.alpn, with_details ? server::details_of(read) : nullptr};
}

std::string offer_of(const server::hello_notes& notes) {
    return std::string{as_text(notes.offer().bytes())};
}

} // namespace

TEST_CASE("hello_notes: the name as sent, and as a host name if it is one") {
    const auto plain = notes_of(hello_builder::tls13());
    CHECK_FALSE(plain.server_name());
    CHECK_FALSE(plain.host_name());
    CHECK(plain.offer().empty());
    const auto named = notes_of(hello_builder::tls13().server_name("WWW.example.com."));
    CHECK(named.server_name() == "WWW.example.com.");
    CHECK(named.host_name()->text() == "www.example.com");
    const auto address = notes_of(hello_builder::tls13().server_name("192.0.2.1"));
    CHECK(address.server_name() == "192.0.2.1");
    CHECK_FALSE(address.host_name());
}

TEST_CASE("hello_notes: of a long ALPN offer the whole entries that fit into 256 bytes") {
    const std::string longest(255, 'a');
    CHECK(offer_of(notes_of(hello_builder::tls13().alpn({longest}))).size() == 256);
    CHECK(offer_of(notes_of(hello_builder::tls13().alpn({longest, "h2"}))).size() == 256);
    CHECK(offer_of(notes_of(hello_builder::tls13().alpn({"h2", longest}))) == "\2h2");
}

TEST_CASE("hello_notes: an offer is cut between its entries, a name never") {
    const auto after_cut = [](std::size_t most) {
        auto notes = notes_of(hello_builder::tls13().server_name("a.b").alpn({"h2", "http/1.1"}));
        notes.cut(most);
        CHECK(notes.server_name() == "a.b");
        return offer_of(notes);
    };
    CHECK(after_cut(15) == "\2h2\10http/1.1");
    CHECK(after_cut(14) == "\2h2");
    CHECK(after_cut(6) == "\2h2");
    CHECK(after_cut(5).empty());
    CHECK(after_cut(0).empty());
}

TEST_CASE("hello_notes: details only where they are asked for") {
    const auto hello = hello_builder::tls13().server_name("www.example.com");
    CHECK(notes_of(hello).more() == nullptr);
    const auto notes = notes_of(hello, true);
    const auto* const more = notes.more();
    REQUIRE(more != nullptr);
    CHECK(std::ranges::count(more->versions, 0x0304) == 1);
    CHECK_FALSE(more->groups.empty());
    CHECK_FALSE(more->ech);
    CHECK_FALSE(more->ja4.empty());
    CHECK(notes_of(hello_builder::tls13().ech_outer(), true).more()->ech);
}

TEST_CASE("hello_notes: GREASE is left out, long lists are cut, and TLS 1.2 is its legacy version") {
    std::vector<std::uint16_t> versions{0x0a0a, 0x0304};
    for (std::uint16_t i = 0; i < 40; ++i)
        versions.push_back(static_cast<std::uint16_t>(0x7f00 + i));
    const auto notes = notes_of(hello_builder::tls13().supported_versions(versions), true);
    CHECK(notes.more()->versions.size() == 16);
    CHECK(notes.more()->versions.front() == 0x0304);
    const auto old = notes_of(hello_builder::bare(), true);
    CHECK(old.more()->versions == server::hello_notes::details::list{0x0303});
}

// With 240 bytes of text and what the allocator adds, 1 KiB is not reached (tests/e2e/test_relay.py counts).
TEST_CASE("an idle proxied session is small") {
    CHECK(sizeof(server::proxied_session) <= 776);
}
