// SPDX-License-Identifier: BSL-1.0
// A message that the kernel takes in parts.
#include "router_fixture.hpp"
#include "system_calls.hpp"

#include <string>

using namespace snipass;
using namespace snipass::testing;
using namespace std::chrono_literals;
using server::outcome;

namespace {

const std::string head =
    "GET / HTTP/1.1\r\nHost: www.example.com\r\nX: " + std::string(1'000, 'x') + "\r\n\r\n";

// fixture has one scgi backend, and one for those whom it does not take.
struct fixture : router_fixture {
    stream_backend backend;
    stream_backend next;
    std::unique_ptr<call_watch> calls;

    config::handoff_settings& settings() { return handoff_of(what.backend(0)); }

    explicit fixture(bool acknowledges) {
        what.otherwise(0);
        what.stream(backend.path());
        settings().protocol = config::handoff_protocol::scgi;
        settings().scgi_ack = acknowledges;
        what.stream(next.path());
        what.backend(0).sorry = 1;
    }

    tcp_client begin(int failures) {
        auto& router = start();
        calls = std::make_unique<call_watch>(router.thread_id());
        calls->shorten_sendmsg(10);
        calls->fail(system_call::send, EAGAIN, 1, failures);
        return router.connect_with(as_bytes(head));
    }
};

// The rest of a message, up to the connection's end or the comma.
std::string rest_of(const stream_backend::offer& offer) {
    std::string text;
    while (!text.ends_with(',')) {
        const auto part = receive_unix(offer.connection.get());
        if (part.ended)
            break;
        text.append(part.data.begin(), part.data.end());
    }
    return text;
}

} // namespace

TEST_CASE("a message of scgi that is sent in parts arrives whole") {
    const bool acknowledges = GENERATE(false, true);
    fixture test{acknowledges};
    const auto client = test.begin(1);
    const auto offer = test.backend.receive();
    CHECK(offer.header.size() == 10);
    const auto rest = rest_of(offer);
    CHECK(rest.ends_with(std::string(1'000, 'x') + '\0' + ','));
    if (acknowledges)
        REQUIRE(offer.answer() == 0);
    offer.wait_for_end();
    CHECK(unread(offer.client.get()) == 0);
    test.running->wait_for(outcome::handed_off);
    CHECK(test.calls->has_failed());
}

TEST_CASE("a message of scgi whose rest cannot be sent in time is taken back") {
    fixture test{true};
    test.settings().ack_timeout = 20ms;
    auto& router = test.start();
    test.calls = std::make_unique<call_watch>(router.thread_id());
    test.calls->shorten_sendmsg(10);
    test.calls->fail(system_call::send, EPIPE);
    const auto client = router.connect_with(as_bytes(head));
    const auto offer = test.backend.receive();
    CHECK(rest_of(offer).empty());
    check_whole(test.next.take(), {head.begin(), head.end()});
    router.wait_for(outcome::handed_off);
}
