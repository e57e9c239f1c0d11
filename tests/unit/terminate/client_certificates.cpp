// SPDX-License-Identifier: BSL-1.0
// Clients that show certificates, and clients that do not.
#include "catch.hpp"
#include "same_descriptors.hpp"
#include "tls_end.hpp"

using namespace snipass;
using namespace snipass::testing;
using Catch::Matchers::ContainsSubstring;
using server::outcome;

namespace {

// served is whom the backend is told of, "-" for nobody in particular; or why the handshake failed.
std::string served(tls_end& here, const identity* shows, int version) {
    ended_client server;
    auto client = here.connect(server, {.version = version, .shows = shows});
    std::string heard;
    const bool is_shaken = client.shake(); // with TLS 1.3 also where the server will not have it
    auto far = server.far.get();
    if (!far) {
        CHECK_FALSE((is_shaken && client.read_to_end(heard) == tls_ending::close_notify));
        CHECK(server.failed.get() == outcome::handshake_failed);
        return server.detail.get();
    }
    CHECK(is_shaken);
    far.reset();
    CHECK(client.read_to_end(heard) == tls_ending::close_notify);
    client.finish();
    (void)server.result.get();
    const auto detail = server.detail.get(); // "TLSv1.3  name"
    const auto name = detail.find("  ");
    return name == detail.npos ? "-" : detail.substr(name + 2);
}

} // namespace

TEST_CASE("client certificates: who shows one of the right issuer is served, and the backend hears whose") {
    const same_descriptors check;
    const auto issuer = issue({});
    const auto stranger = issue({});
    const auto good = issue({{"somebody"}}, &issuer);
    const auto foreign = issue({{"somebody"}}, &stranger);
    const auto ended = issue({{"somebody"}, key_type::ec, -7'200, -3'600}, &issuer);
    const auto alone = issue({{"somebody"}});
    for (const auto version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        INFO("version " << version);
        for (const bool is_required : {true, false}) {
            tls_end here{{{{"a.example"}}}, {}, asked_for{issuer, is_required}};
            CHECK(served(here, &good, version) == "somebody");
            const auto without = served(here, nullptr, version);
            if (is_required)
                CHECK_THAT(without, ContainsSubstring("peer did not return a certificate"));
            else
                CHECK(without == "-");
            // Also where none is required, one that is shown must be good.
            for (const auto* const bad : {&foreign, &ended, &alone})
                CHECK_THAT(served(here, bad, version), ContainsSubstring("certificate verify failed"));
        }
        tls_end nobody_asks;
        CHECK(served(nobody_asks, &foreign, version) == "-");
    }
}

TEST_CASE("client certificates: no session is resumed, because nobody would look at the certificate again") {
    const auto issuer = issue({});
    const auto good = issue({{"somebody"}}, &issuer);
    for (const auto version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        INFO("version " << version);
        tls_end here{{{{"a.example"}}}, {}, asked_for{issuer}};
        SSL_SESSION* session = nullptr;
        for (int i = 0; i < 2; ++i) {
            ended_client server;
            auto client = here.connect(server, {.version = version, .session = session, .shows = &good});
            REQUIRE(client.shake());
            CHECK_FALSE(client.was_resumed());
            server.far.get().reset();
            std::string heard;
            (void)client.read_to_end(heard); // a ticket would have come
            SSL_SESSION_free(session);
            session = client.session();
            CHECK(SSL_SESSION_has_ticket(session) == 0);
        }
        SSL_SESSION_free(session);
    }
}
