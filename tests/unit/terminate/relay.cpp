// SPDX-License-Identifier: BSL-1.0
// A client's TLS, from its handshake to its end, with a socket pair's end in place of a backend.
#include "backend_end.hpp"
#include "catch.hpp"
#include "same_descriptors.hpp"
#include "scarce_memory.hpp"
#include "snipass/handoff/pair_name.h"
#include "snipass/os/tcp.hpp"
#include "tls_end.hpp"

#include <poll.h>
#include <sys/un.h>

#include <atomic>
#include <functional>
#include <stdexcept>
#include <thread>

using namespace snipass;
using namespace snipass::testing;
using namespace std::chrono_literals;
using server::outcome;

namespace {

std::string lines(std::size_t size) {
    std::string text;
    for (std::size_t i = 0; text.size() < size; ++i)
        text += std::to_string(i) + "\n";
    text.resize(size);
    return text;
}

void both_versions(const std::function<void(int)>& test) {
    for (const auto version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        INFO("version " << version);
        test(version);
    }
}

bool says_new_key(tls_client& client, int kind) {
    return SSL_key_update(client.ssl(), kind) == 1 && SSL_do_handshake(client.ssl()) == 1;
}

// fill says as much as there is room for towards a client that does not listen, and returns it.
std::string fill(const backend_end& backend) {
    std::string said;
    pollfd one{backend.fd(), POLLOUT, 0};
    const auto piece = lines(10'000);
    while (::poll(&one, 1, 200) > 0)
        if (const auto n = ::send(backend.fd(), piece.data(), piece.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
            n > 0)
            said.append(piece, 0, static_cast<std::size_t>(n));
    return said;
}

} // namespace

TEST_CASE("in clear: what is said on one side is heard on the other") {
    const same_descriptors check;
    both_versions([](int version) {
        tls_end here;
        ended_client server;
        auto client = here.connect(server, {.alpn = {"http/1.1"}, .version = version});
        REQUIRE(client.shake());
        CHECK(client.protocol() == "http/1.1");
        CHECK(client.names() == "a.example");
        auto backend = backend_of(server);
        client.send("question");
        CHECK(backend.receive(8) == "question");
        backend.send("answer");
        CHECK(client.receive(6) == "answer");
        backend.close();
        std::string heard;
        CHECK(client.read_to_end(heard) == tls_ending::close_notify);
        client.finish();
        const auto result = server.result.get();
        CHECK(result.end == net::relay_end::finished);
        CHECK(result.closed_first == net::relay_side::backend);
        CHECK(result.to_backend == 8);
        CHECK(result.to_client == 6);
        CHECK(server.detail.get() == (version == TLS1_3_VERSION ? "TLSv1.3 http/1.1" : "TLSv1.2 http/1.1"));
    });
}

TEST_CASE("in clear: half-close passes both ways, each direction for itself") {
    both_versions([](int version) {
        tls_end here;
        ended_client server;
        auto client = here.connect(server, {.version = version});
        REQUIRE(client.shake());
        auto backend = backend_of(server);
        client.send("all I have to say");
        client.finish(); // and it goes on listening
        std::string question;
        CHECK(backend.read_to_end(question) == ending::fin);
        CHECK(question == "all I have to say");
        const auto answer = lines(1 << 20);
        std::jthread says{[&] {
            backend.send(answer);
            backend.close();
        }};
        std::string heard;
        CHECK(client.read_to_end(heard) == tls_ending::close_notify);
        CHECK(heard == answer);
        CHECK(server.result.get().closed_first == net::relay_side::client);
    });
}

TEST_CASE("in clear: a backend that has said all still listens") {
    tls_end here;
    ended_client server;
    auto client = here.connect(server);
    REQUIRE(client.shake());
    auto backend = backend_of(server);
    backend.send("bye");
    backend.finish();
    std::string heard;
    CHECK(client.read_to_end(heard) == tls_ending::close_notify);
    CHECK(heard == "bye");
    client.send("a late word");
    CHECK(backend.receive(11) == "a late word");
    client.finish();
    CHECK(backend.read_to_end() == ending::fin);
    CHECK(server.result.get().end == net::relay_end::finished);
}

TEST_CASE("in clear: a FIN without close_notify is an end, and the answer still comes") {
    both_versions([](int version) {
        tls_end here;
        ended_client server;
        auto client = here.connect(server, {.version = version});
        REQUIRE(client.shake());
        auto backend = backend_of(server);
        client.send("question");
        REQUIRE(::shutdown(client.fd(), SHUT_WR) == 0);
        std::string question;
        CHECK(backend.read_to_end(question) == ending::fin);
        backend.send("answer");
        backend.close();
        std::string heard;
        CHECK(client.read_to_end(heard) == tls_ending::close_notify);
        CHECK(heard == "answer");
    });
}

TEST_CASE("in clear: much passes whole both ways at once, past sides that do not read for a while") {
    both_versions([](int version) {
        tls_end here;
        ended_client server;
        auto client = here.connect(server, {.version = version});
        REQUIRE(client.shake());
        auto backend = backend_of(server);
        const auto up = lines(3 << 20);
        const auto down = lines(5 << 20);
        std::string up_heard;
        std::jthread writes{[&] { backend.send(down); }};
        client.send(up.substr(0, 1 << 20)); // the client does not read meanwhile, nor does the backend
        std::jthread reads{[&] { up_heard = backend.receive(up.size()); }};
        CHECK(client.receive(1 << 20) == down.substr(0, 1 << 20));
        client.send(up.substr(1 << 20));
        CHECK(client.receive(down.size() - (1 << 20)) == down.substr(1 << 20));
        reads.join();
        CHECK(up_heard == up);
    });
}

TEST_CASE("in clear: what comes with the handshake's last word is heard") {
    tls_end here;
    ended_client server;
    auto client = here.connect(server, {.version = TLS1_3_VERSION});
    const int on = 1;
    (void)::setsockopt(client.fd(), IPPROTO_TCP, 3 /* TCP_CORK */, &on, sizeof on);
    REQUIRE(client.shake());
    client.send("glued");
    const int off = 0;
    (void)::setsockopt(client.fd(), IPPROTO_TCP, 3, &off, sizeof off);
    auto backend = backend_of(server);
    CHECK(backend.receive(5) == "glued");
}

TEST_CASE("in clear: keys are updated, and renegotiation is refused") {
    tls_end here;
    ended_client server;
    auto client = here.connect(server);
    REQUIRE(client.shake());
    auto backend = backend_of(server);
    for (const bool both : {false, true, true}) {
        client.update_key(both);
        client.send("with a new key");
        CHECK(backend.receive(14) == "with a new key");
        backend.send("heard");
        CHECK(client.receive(5) == "heard");
    }
    ended_client other;
    auto older = here.connect(other, {.version = TLS1_2_VERSION});
    REQUIRE(older.shake());
    CHECK_FALSE(older.renegotiate());
    CHECK(older.why() == "no renegotiation");
}

TEST_CASE("in clear: keys are updated while the client hears nothing out, and nothing is lost") {
    tls_end here;
    ended_client server;
    auto client = here.connect(server);
    REQUIRE(client.shake());
    auto backend = backend_of(server);
    const auto answer = fill(backend);
    for (int i = 0; i < 20; ++i)
        REQUIRE(says_new_key(client, SSL_KEY_UPDATE_REQUESTED));
    client.send("and still asks");
    CHECK(backend.receive(14) == "and still asks");
    CHECK(client.receive(answer.size()) == answer);
    backend.send("behind it");
    CHECK(client.receive(9) == "behind it");
}

TEST_CASE("in clear: whoever asks for answers of OpenSSL's own, and hears none, is not read from") {
    tls_end here;
    ended_client server;
    auto client = here.connect(server);
    REQUIRE(client.shake());
    auto backend = backend_of(server);
    const auto answer = fill(backend);
    constexpr std::size_t questions = 3'000; // an answer has 27 bytes
    std::jthread asks{[&] {
        try {
            for (std::size_t i = 0; i < questions && says_new_key(client, SSL_KEY_UPDATE_REQUESTED); ++i)
                client.send("x");
        } catch (const std::exception&) { // cut off below
        }
    }};
    std::size_t asked = 0; // until nothing more comes
    for (char part[4'096]; is_readable(backend.fd(), 500ms);)
        asked += static_cast<std::size_t>(::recv(backend.fd(), part, sizeof part, 0));
    CHECK(asked < questions);
    REQUIRE(::shutdown(client.fd(), SHUT_RDWR) == 0); // or it would ask for ever
}

TEST_CASE("in clear: one word pays for one new key, and whoever has new keys alone is cut off") {
    tls_end here;
    ended_client server;
    auto client = here.connect(server);
    REQUIRE(client.shake());
    auto backend = backend_of(server);
    for (int i = 0; i < 100; ++i) {
        REQUIRE(says_new_key(client, SSL_KEY_UPDATE_NOT_REQUESTED));
        client.send("word");
        CHECK(backend.receive(4) == "word");
    }
    for (int i = 0; i < 40 && says_new_key(client, SSL_KEY_UPDATE_NOT_REQUESTED); ++i) {
    }
    CHECK(backend.read_to_end() == ending::fin);
    CHECK(server.result.get().end == net::relay_end::client_reset);
}

TEST_CASE("in clear: who says nothing, over and over, keeps nobody else from being heard") {
    tls_end here;
    ended_client second;
    auto other = here.connect(second);
    REQUIRE(other.shake());
    auto heard = backend_of(second);
    std::atomic<bool> enough = false;
    std::jthread chatters{[&] {
        while (!enough) {
            ended_client first;
            auto client = here.connect(first);
            if (!client.shake())
                continue;
            const auto end = backend_of(first);
            while (says_new_key(client, SSL_KEY_UPDATE_NOT_REQUESTED)) {
            }
        }
    }};
    for (int i = 0; i < 20; ++i) {
        other.send("one word");
        CHECK(heard.receive(8) == "one word");
    }
    enough = true;
}

TEST_CASE("in clear: a client that is reset is an end for the backend, after what it said") {
    tls_end here;
    ended_client server;
    auto client = here.connect(server);
    REQUIRE(client.shake());
    auto backend = backend_of(server);
    client.send("last words");
    CHECK(backend.receive(10) == "last words");
    const linger now{1, 0};
    REQUIRE(::setsockopt(client.fd(), SOL_SOCKET, SO_LINGER, &now, sizeof now) == 0);
    { auto gone = std::move(client); }
    CHECK(backend.read_to_end() == ending::fin);
    CHECK(server.result.get().end == net::relay_end::client_reset);
}

TEST_CASE("in clear: a client that has said all, and is reset before it has its answer, is the backend's "
          "end, too") {
    tls_end here;
    ended_client server;
    auto client = here.connect(server);
    REQUIRE(client.shake());
    auto backend = backend_of(server);
    client.finish();
    CHECK(backend.read_to_end() == ending::fin);
    const linger now{1, 0};
    REQUIRE(::setsockopt(client.fd(), SOL_SOCKET, SO_LINGER, &now, sizeof now) == 0);
    { auto gone = std::move(client); }
    CHECK(server.result.get().end == net::relay_end::client_reset);
}

TEST_CASE("in clear: a record that nobody could have made ends the connection, with an alert") {
    tls_end here;
    ended_client server;
    auto client = here.connect(server);
    REQUIRE(client.shake());
    auto backend = backend_of(server);
    const std::string forged = std::string{"\x17\x03\x03\x00\x20", 5} + std::string(32, 'x');
    REQUIRE(::send(client.fd(), forged.data(), forged.size(), 0) == static_cast<ssize_t>(forged.size()));
    CHECK(backend.read_to_end() == ending::fin);
    std::string nothing;
    CHECK(client.read_to_end(nothing) == tls_ending::failed);
    CHECK_THAT(client.why(), Catch::Matchers::EndsWith("alert bad record mac"));
    CHECK(server.result.get().end == net::relay_end::client_reset);
}

TEST_CASE("in clear: a backend that closes with bytes unread does not cut its answer") {
    tls_end here;
    ended_client server;
    auto client = here.connect(server);
    REQUIRE(client.shake());
    auto backend = backend_of(server);
    const auto body = lines(1 << 20);
    std::jthread says{[&] {
        try {
            client.send(body.substr(0, 100'000));
        } catch (const std::exception&) { // nobody has to hear it out
        }
    }};
    (void)backend.receive(1'000);
    const auto answer = lines(100'000);
    backend.send(answer);
    backend.close();
    says.join();
    std::string heard;
    CHECK(client.read_to_end(heard) == tls_ending::close_notify);
    CHECK(heard == answer);
}

TEST_CASE("in clear: for want of memory one client ends, and no other") {
#ifndef SNIPASS_SANITIZED
    tls_end here;
    {
        std::optional<scarce_memory> scarce;
        ended_client server;
        auto client = here.connect(server);
        REQUIRE(client.shake());
        const auto backend = backend_of(server);
        here.ask([&](server::context&) { scarce.emplace(1'000); }); // for what the backend has no room for
        CHECK_THROWS(client.send(lines(16 << 20)));
        CHECK(server.result.get().end == net::relay_end::no_memory);
        here.ask([&](server::context&) { scarce.reset(); });
    }
    ended_client server;
    auto client = here.connect(server);
    REQUIRE(client.shake());
    auto backend = backend_of(server);
    client.send("question");
    CHECK(backend.receive(8) == "question");
#endif
}

TEST_CASE("in clear: the other end's name says who the client is") {
    tls_end here;
    ended_client server;
    auto client = here.connect(server);
    REQUIRE(client.shake());
    auto backend = backend_of(server);
    sockaddr_un name{};
    socklen_t size = sizeof name;
    REQUIRE(::getpeername(backend.fd(), reinterpret_cast<sockaddr*>(&name), &size) == 0);
    sockaddr_storage peer{}, local{};
    REQUIRE(handoff_read_pair_name(&name, size, &peer, &local));
    CHECK(os::to_endpoint(peer) == os::local_endpoint(client.fd()).value());
    CHECK(os::to_endpoint(local) == os::peer_endpoint(client.fd()).value());
}

TEST_CASE("handshake: what fails is told") {
    tls_end here;
    ended_client server;
    SECTION("no protocol in common") {
        auto client = here.connect(server, {.alpn = {"imap"}});
        CHECK_FALSE(client.shake());
        CHECK(client.why() == "tlsv1 alert no application protocol");
        CHECK(server.failed.get() == outcome::alpn_mismatch);
    }
    SECTION("no certificate") {
        auto client = here.connect(server, {.name = "b.example"});
        CHECK_FALSE(client.shake());
        CHECK(client.why() == "tlsv1 unrecognized name");
        CHECK(server.failed.get() == outcome::no_certificate);
    }
    SECTION("a key of a kind that the client does not take") {
        auto client = here.connect(server, {.version = TLS1_2_VERSION, .only_rsa = true});
        CHECK_FALSE(client.shake());
        CHECK(server.failed.get() == outcome::handshake_failed);
        CHECK(server.detail.get() == "our alert: handshake failure; no shared cipher");
    }
    SECTION("a client that leaves") {
        tcp_connection pair;
        server = here.take(std::move(pair.accepted));
        pair.client.close();
        CHECK(server.failed.get() == outcome::handshake_failed);
        CHECK(server.detail.get() == "the client left in the middle of it");
    }
    CHECK_FALSE(server.far.get());
}

TEST_CASE("handshake: one that takes too long is over, however the client trickles") {
    config::tls_settings settings;
    settings.handshake_timeout = 200ms;
    tls_end here{{{{"a.example"}}}, settings};
    tcp_connection pair;
    auto server = here.take(std::move(pair.accepted));
    CHECK(server.failed.get() == outcome::handshake_failed);
    CHECK(server.detail.get() == "not done in handshake_timeout");
    CHECK(pair.client.read_to_end() == ending::fin);
}

TEST_CASE("handshake: of more than max_handshakes the oldest is shed, and whoever goes on is served") {
    config::tls_settings settings;
    settings.max_handshakes = 4;
    tls_end here{{{{"a.example"}}}, settings};
    std::vector<ended_client> silent;
    std::vector<tcp_client> clients;
    for (int i = 0; i < 20; ++i) {
        tcp_connection pair;
        silent.push_back(here.take(std::move(pair.accepted)));
        clients.push_back(std::move(pair.client));
    }
    ended_client server;
    auto client = here.connect(server);
    REQUIRE(client.shake());
    for (std::size_t i = 0; i < 16; ++i)
        CHECK(silent[i].failed.get() == outcome::shed);
    CHECK(silent[19].failed.wait_for(0s) == std::future_status::timeout);
}

TEST_CASE("handshake: RSA and ECDSA for one name, as the client can take it") {
    tls_end here{{{{"a.example"}}, {{"a.example", "rsa.example"}, key_type::rsa}}};
    ended_client server;
    auto modern = here.connect(server);
    REQUIRE(modern.shake());
    CHECK(EVP_PKEY_get_base_id(X509_get0_pubkey(SSL_get0_peer_certificate(modern.ssl()))) == EVP_PKEY_EC);
    ended_client second;
    auto older = here.connect(second, {.only_rsa = true});
    REQUIRE(older.shake());
    CHECK(EVP_PKEY_get_base_id(X509_get0_pubkey(SSL_get0_peer_certificate(older.ssl()))) == EVP_PKEY_RSA);
}

TEST_CASE("handshake: a session is resumed for its own name and backend, and for no other") {
    both_versions([](int version) {
        tls_end here{{{{"a.example", "b.example"}}}};
        ended_client server;
        auto first = here.connect(server, {.version = version});
        REQUIRE(first.shake());
        auto backend = backend_of(server);
        backend.send("x");
        CHECK(first.receive(1) == "x"); // a ticket of 1.3 comes before it
        std::unique_ptr<SSL_SESSION, decltype([](SSL_SESSION* one) { SSL_SESSION_free(one); })> session{
            first.session()};
        REQUIRE(SSL_SESSION_is_resumable(session.get()) == 1);
        const auto resumes = [&](const std::string& name, const std::string& backend_name) {
            ended_client again;
            auto client = here.connect(again, {.name = name, .version = version, .session = session.get()},
                                       backend_name);
            REQUIRE(client.shake());
            return client.was_resumed();
        };
        CHECK_FALSE(resumes("a.example", "another backend"));
        CHECK_FALSE(resumes("b.example", "b"));
        CHECK(resumes("a.example", "b"));
    });
}
