// SPDX-License-Identifier: BSL-1.0
// What a stranger says in a handshake that never gets on.
#include "snipass/terminate/connection.hpp"

#include "catch.hpp"
#include "snipass/terminate/contexts.hpp"
#include "tcp_client.hpp"

using namespace snipass;
using namespace snipass::testing;
using terminate::progress;

namespace {

// Of a handshake that has not begun: OpenSSL skips it.
constexpr std::string_view hello_request{"\x16\x03\x03\0\x04\0\0\0\0", 9};

certificates::authority_files nobody() {
    certificates::authority_files made;
    made["ca.pem"];
    return made;
}

struct towards_backend {
    std::vector<config::diagnostic> problems;
    terminate::backend_contexts contexts{{}, problems};
    terminate::trust known{nobody()};
    tcp_connection pair;
    terminate::connection tls{contexts.of("one"), pair.accepted.get(), known, "ca.pem", "one.example", ""};

    void hear(std::size_t hello_requests) {
        std::string sent;
        for (std::size_t i = 0; i < hello_requests; ++i)
            sent += hello_request;
        pair.client.send_segment(as_bytes(sent));
        wait_until_unread(pair.accepted.get(), sent.size());
    }
};

} // namespace

TEST_CASE("connection: a backend may send so many HelloRequests in the handshake, and no more") {
    towards_backend one;
    CHECK(one.tls.shake() == progress::wants_readable);
    one.hear(32);
    CHECK(one.tls.shake() == progress::wants_readable);
    one.hear(1);
    CHECK(one.tls.shake() == progress::failed);
    CHECK(one.tls.why() == "too many HelloRequests");
}

TEST_CASE("connection: a step of a handshake reads no more than so much of a flood") {
    towards_backend one;
    CHECK(one.tls.shake() == progress::wants_readable);
    constexpr std::size_t flood = 5'000;
    one.hear(flood);
    CHECK(one.tls.shake() == progress::failed);
    constexpr std::size_t most = terminate::wire::most_looks * 4'096;
    CHECK(unread(one.pair.accepted.get()) >= flood * hello_request.size() - most);
}
