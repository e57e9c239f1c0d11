// SPDX-License-Identifier: BSL-1.0
// Routed clients on their way to an `scgi` backend, which is told of the head and finds what follows in the
// socket.
#include "router_fixture.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <string>

using namespace snipass;
using namespace snipass::testing;
using namespace std::chrono_literals;
using server::outcome;

namespace {

const std::string head = "POST /a?b HTTP/1.1\r\nHost: www.example.com\r\nContent-Length: 4\r\n\r\n";

bytes as_sent(const std::string& text) {
    return {text.begin(), text.end()};
}

// fixture's clients speak no TLS, and go to backend 0.
struct fixture : router_fixture {
    fixture() { what.otherwise(0); }

    config::handoff_settings& scgi(const std::string& path, bool acknowledges = false) {
        auto& settings = handoff_of(what.stream(path));
        settings.protocol = config::handoff_protocol::scgi;
        settings.scgi_ack = acknowledges;
        return settings;
    }
};

void check_message(const bytes& message) {
    const std::string text{message.begin(), message.end()};
    const auto colon = text.find(':');
    REQUIRE(colon != std::string::npos);
    CHECK(text.substr(0, colon) == std::to_string(text.size() - colon - 2));
    CHECK(text.substr(colon + 1, 17) == std::string{"CONTENT_LENGTH\0000\0", 17});
    const std::string field{"HTTP_HOST\0www.example.com\0", 26};
    CHECK(text.find(field) != std::string::npos);
    CHECK(text.back() == ',');
}

} // namespace

TEST_CASE("delivery by scgi: the message tells of the head, and the socket has what follows") {
    fixture test;
    const stream_backend backend;
    test.scgi(backend.path());
    auto& router = test.start();
    const auto client = router.connect_with(as_sent(head + "body"));
    const auto offer = backend.receive();
    check_message(offer.header);
    check_whole(offer.client, as_sent("body"));
    offer.wait_for_end();
    router.wait_for(outcome::handed_off);
    CHECK(::shutdown(offer.client.get(), SHUT_WR) == 0); // nobody else has it
    CHECK(client.read_to_end() == ending::fin);
}

TEST_CASE(
    "delivery by scgi: a client is handed over though nobody reads the message, and is counted until then") {
    fixture test;
    const stream_backend backend;
    test.scgi(backend.path()).max_unanswered = 1;
    auto& router = test.start();
    const auto first = router.connect_with(as_sent(head));
    router.wait_for(outcome::handed_off);
    const auto second = router.connect_with(as_sent(head));
    router.wait_until([&] { return router.counters().accepted.value() == 2; }, "the second");
    check_message(backend.receive().header); // and now there is room for the second
    check_message(backend.receive().header);
    router.wait_for(outcome::handed_off, 2);
}

TEST_CASE("delivery by scgi: until it is acknowledged the head is in the socket, and is gone at the end of "
          "the connection") {
    fixture test;
    const stream_backend backend;
    test.scgi(backend.path(), true);
    auto& router = test.start();
    const auto client = router.connect_with(as_sent(head + "body"));
    const auto offer = backend.receive();
    check_message(offer.header);
    CHECK(unread(offer.client.get()) == head.size() + 4);
    REQUIRE(offer.answer() == 0);
    offer.wait_for_end();
    check_whole(offer.client, as_sent("body"));
    router.wait_for(outcome::handed_off);
}

TEST_CASE(
    "delivery by scgi: who does not acknowledge has not taken the client, and the next one gets it whole") {
    fixture test;
    const stream_backend backend;
    const stream_backend next;
    auto& settings = test.scgi(backend.path(), true);
    const bool declines = GENERATE(true, false);
    if (!declines)
        settings.ack_timeout = 20ms;
    test.what.stream(next.path());
    test.what.backend(0).sorry = 1;
    auto& router = test.start();
    const auto client = router.connect_with(as_sent(head + "body"));
    auto offer = backend.receive();
    if (declines)
        offer = {};
    const auto taken = next.take();
    check_whole(taken, as_sent(head + "body"));
    router.wait_for(outcome::handed_off);
    if (!declines)
        CHECK(offer.answer() == EPIPE);
}

TEST_CASE("delivery by scgi: where nobody listens nothing is taken out of the socket") {
    fixture test;
    const stream_backend next;
    test.scgi(test.path("absent"));
    test.what.stream(next.path());
    test.what.backend(0).sorry = 1;
    auto& router = test.start();
    const auto client = router.connect_with(as_sent(head));
    check_whole(next.take(), as_sent(head));
    router.wait_for(outcome::handed_off);
}

TEST_CASE(
    "delivery by scgi: a backlog that stays full is waited for until ack_timeout, and the next one gets "
    "the client whole") {
    fixture test;
    const stream_backend backend{abstract_name(), 0};
    const stream_backend next;
    test.scgi(backend.path(), GENERATE(false, true)).ack_timeout = 20ms;
    test.what.stream(next.path());
    test.what.backend(0).sorry = 1;
    const auto waiting = fill_backlog(backend.path());
    auto& router = test.start();
    const auto client = router.connect_with(as_sent(head + "body"));
    check_whole(next.take(), as_sent(head + "body"));
    router.wait_for(outcome::handed_off);
}

TEST_CASE("delivery by scgi: what no request of HTTP/1 is goes to the next backend, whole") {
    fixture test;
    const stream_backend backend;
    const stream_backend next;
    test.scgi(backend.path());
    test.what.stream(next.path());
    test.what.backend(0).sorry = 1;
    auto& router = test.start();
    const auto said = GENERATE(as_sent("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), as_sent("GET / HTTP/1.1\r\n"),
                               hello_for("www.example.com"));
    const auto client = router.connect_with(said);
    check_whole(next.take(), said);
    router.wait_for(outcome::handed_off);
    CHECK_FALSE(is_readable(backend.fd(), 0ms));
}
