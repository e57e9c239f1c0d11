// SPDX-License-Identifier: BSL-1.0
// What becomes of clients that no route takes: [default], close, reset, alert.
#include "router_fixture.hpp"
#include "snipass/session/session.hpp"
#include "snipass/tls/constants.hpp"

using namespace snipass;
using namespace snipass::testing;
using config::match_kind;
using config::policy;
using server::outcome;

namespace {

const bytes other_hello = hello_for("other.example.com");
const bytes nameless_hello = hello_builder::tls13().stream();
const bytes malformed_hello =
    hello_builder::tls13().server_names({{0, "a.example"}, {0, "b.example"}}).stream();
const bytes no_tls{'G', 'E', 'T', ' ', '/', '\r', '\n'};

// The alert as a client sees it: one fatal record.
std::string alert(std::uint8_t description) {
    const bytes record{21, 3, 3, 0, 2, 2, description};
    return std::string{as_text(record)};
}

struct refusal_row {
    const char* behaviour;
    const bytes* first;
    outcome end;
    match_kind why;
    std::uint8_t description; // of the alert, where there is one
};

const std::vector<refusal_row> refusals{
    {"a name that no route has", &other_hello, outcome::no_route, match_kind::no_route,
     tls::alert::unrecognized_name},
    {"no name", &nameless_hello, outcome::no_server_name, match_kind::no_server_name,
     tls::alert::unrecognized_name},
    {"malformed", &malformed_hello, outcome::malformed, match_kind::malformed, tls::alert::decode_error},
    {"no TLS", &no_tls, outcome::not_tls, match_kind::not_tls, 0},
};

// A router with a backend that only [default] could name.
struct fixture : router_fixture {
    stream_backend backend;

    fixture() { what.stream(backend.path()); }
};

} // namespace

TEST_CASE("session: what no route takes goes to [default], each counted as what it is") {
    fixture test;
    test.what.otherwise(0);
    test.what.listener().malformed = policy::route_to_default;
    auto& router = test.start();
    std::vector<tcp_client> clients;
    for (const auto& first : {other_hello, nameless_hello, malformed_hello, no_tls}) {
        clients.push_back(router.connect_with(first));
        CHECK(unread(test.backend.take().get()) == first.size());
    }
    router.wait_for(outcome::handed_off, 4);
    for (const auto why :
         {match_kind::no_route, match_kind::no_server_name, match_kind::malformed, match_kind::not_tls})
        CHECK(router.counters().of(why) == 1);
}

TEST_CASE("session: refused by close, the client gets FIN, though its bytes were unread") {
    const auto row = GENERATE(from_range(refusals));
    CAPTURE(row.behaviour);
    fixture test;
    auto& listener = test.what.listener();
    listener.unmatched = listener.malformed = listener.foreign = policy::close;
    auto& router = test.start();
    auto client = router.connect_with(*row.first);
    std::string heard;
    CHECK(client.read_to_end(heard) == ending::fin);
    CHECK(heard.empty());
    client.close();
    router.wait_for(row.end);
    CHECK(router.counters().of(row.why) == 1);
}

TEST_CASE("session: refused by reset, the client gets RST") {
    const auto row = GENERATE(from_range(refusals));
    CAPTURE(row.behaviour);
    fixture test;
    auto& listener = test.what.listener();
    listener.unmatched = listener.malformed = listener.foreign = policy::reset;
    auto& router = test.start();
    const auto client = router.connect_with(*row.first);
    CHECK(client.read_to_end() == ending::reset);
    router.wait_for(row.end);
}

TEST_CASE("session: refused by alert, the client of TLS gets one and FIN, others FIN alone") {
    const auto row = GENERATE(from_range(refusals));
    CAPTURE(row.behaviour);
    fixture test;
    auto& listener = test.what.listener();
    listener.unmatched = listener.malformed = listener.foreign = policy::alert;
    auto& router = test.start();
    auto client = router.connect_with(*row.first);
    std::string heard;
    CHECK(client.read_to_end(heard) == ending::fin);
    CHECK(heard == (row.description != 0 ? alert(row.description) : ""));
    client.close();
    router.wait_for(row.end);
}

TEST_CASE("session: a refused client that goes on sending is heard out for a moment, and gets no RST in it") {
    fixture test;
    test.what.listener().unmatched = policy::alert;
    auto& router = test.start();
    auto client = router.connect_with(other_hello);
    CHECK(client.receive(7) == alert(tls::alert::unrecognized_name));
    for (int i = 0; i < 10; ++i)
        client.send_segment(bytes(1000));
    CHECK(client.read_to_end() == ending::fin);
    client.close();
    router.wait_for(outcome::no_route);
}

TEST_CASE("session: a refused client that stays is let go after a moment") {
    fixture test;
    test.what.listener().unmatched = policy::close;
    auto& router = test.start();
    const auto client = router.connect_with(other_hello);
    router.wait_for(outcome::no_route); // though it never closes
}
