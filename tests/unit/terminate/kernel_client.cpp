// SPDX-License-Identifier: BSL-1.0
// A client whose keys the kernel gets: not a byte is lost on the way, and nothing is left here. Needs a
// kernel with TLS (tests/README.md).
#include "backend_end.hpp"
#include "catch.hpp"
#include "same_descriptors.hpp"
#include "snipass/os/kernel_tls.hpp"
#include "tls_end.hpp"

#include <netinet/in.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

using namespace snipass;
using namespace snipass::testing;

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

namespace {

constexpr const char* no_kernel_tls = "this kernel has no TLS (modprobe tls)";

// A snipass-tls whose backends want the client's own socket.
struct offloading : tls_end {
    explicit offloading(std::optional<asked_for> clients = {})
        : tls_end({{{"a.example"}}}, {}, std::move(clients)) {
        plaintext = config::plaintext_kind::ktls;
    }
};

void both_versions(const std::function<void(int)>& test) {
    for (const auto version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        INFO("version " << version);
        test(version);
    }
}

bool is_tcp(const backend_end& one) {
    return option_of(one.fd(), SOL_SOCKET, SO_DOMAIN) != AF_UNIX;
}

// A session of an earlier connection: with it the client's Finished is the last flight, in TLS 1.2, too.
using session = std::unique_ptr<SSL_SESSION, decltype(&SSL_SESSION_free)>;
session earlier(offloading& here, int version) {
    ended_client server;
    auto client = here.connect(server, {.version = version});
    REQUIRE(client.shake());
    auto backend = backend_of(server);
    backend.send("x");
    REQUIRE(client.receive(1) == "x"); // the ticket was in front of it
    client.finish();                   // OpenSSL takes up no session that was cut off
    return {client.session(), &SSL_SESSION_free};
}

void answer(backend_end& backend, tls_client& client) {
    backend.send("answer");
    CHECK(client.receive(6) == "answer");
}

} // namespace

TEST_CASE("kernel TLS: what is said on one side is heard on the other, and nothing is left here",
          "[kernel_tls]") {
    if (!os::offers_kernel_tls())
        return skipped(no_kernel_tls);
    both_versions([](int version) {
        const same_descriptors check;
        offloading here;
        ended_client server;
        auto client = here.connect(server, {.version = version});
        REQUIRE(client.shake());
        auto backend = backend_of(server);
        (void)server.result.get(); // before a byte was said
        CHECK(is_tcp(backend));
        client.send("question");
        CHECK(backend.receive(8) == "question");
        answer(backend, client);
    });
}

TEST_CASE("kernel TLS: each cipher", "[kernel_tls]") {
    if (!os::offers_kernel_tls())
        return skipped(no_kernel_tls);
    for (const char* const cipher : {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
                                     "TLS_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256",
                                     "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305"}) {
        INFO(cipher);
        const bool is_1_3 = std::string_view{cipher}.starts_with("TLS_");
        offloading here;
        ended_client server;
        auto client = here.connect(server, {.version = is_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION});
        REQUIRE((is_1_3 ? SSL_set_ciphersuites(client.ssl(), cipher)
                        : SSL_set_cipher_list(client.ssl(), cipher)) == 1);
        REQUIRE(client.shake());
        auto backend = backend_of(server);
        CHECK(is_tcp(backend));
        for (int i = 0; i < 3; ++i) {
            client.send("question");
            CHECK(backend.receive(8) == "question");
            answer(backend, client);
        }
    }
}

TEST_CASE("kernel TLS: clients that show a certificate, or none where none is required", "[kernel_tls]") {
    if (!os::offers_kernel_tls())
        return skipped(no_kernel_tls);
    const auto issuer = issue({});
    const auto good = issue({{"somebody"}}, &issuer);
    both_versions([&](int version) {
        offloading here{asked_for{issuer, false}};
        for (const auto* const shows : {&good, static_cast<const identity*>(nullptr)}) {
            ended_client server;
            auto client = here.connect(server, {.version = version, .shows = shows});
            REQUIRE(client.shake());
            auto backend = backend_of(server);
            CHECK(is_tcp(backend));
            CHECK((server.detail.get().find("somebody") != std::string::npos) == (shows != nullptr));
            client.send("question");
            CHECK(backend.receive(8) == "question");
            answer(backend, client);
        }
    });
}

TEST_CASE("kernel TLS: behind a HelloRetryRequest", "[kernel_tls]") {
    if (!os::offers_kernel_tls())
        return skipped(no_kernel_tls);
    offloading here;
    ended_client server;
    auto client = here.connect(server, {.version = TLS1_3_VERSION});
    REQUIRE(SSL_set1_groups_list(client.ssl(), "P-521:P-256") ==
            1); // its share is of one that we do not offer
    REQUIRE(client.shake());
    auto backend = backend_of(server);
    CHECK(is_tcp(backend));
    client.send("question");
    CHECK(backend.receive(8) == "question");
    answer(backend, client);
}

TEST_CASE("kernel TLS: what a client says with its last words of the handshake is not lost", "[kernel_tls]") {
    if (!os::offers_kernel_tls())
        return skipped(no_kernel_tls);
    struct row {
        const char* what;
        std::function<void(tls_client&, const std::string&)> send;
        bool ends = false;
    };
    const auto all_at_once = [](tls_client& client, const std::string& bytes) {
        REQUIRE(::send(client.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
                static_cast<ssize_t>(bytes.size()));
    };
    const row rows[] = {
        {"in one segment", all_at_once},
        {"byte by byte",
         [&](tls_client& client, const std::string& bytes) {
             for (const char byte : bytes)
                 all_at_once(client, {byte});
         }},
        {"half a record there, the rest later",
         [&](tls_client& client, const std::string& bytes) {
             all_at_once(client, bytes.substr(0, bytes.size() - 9));
             all_at_once(client, bytes.substr(bytes.size() - 9));
         }},
        {"and FIN behind it",
         [&](tls_client& client, const std::string& bytes) {
             all_at_once(client, bytes);
             REQUIRE(::shutdown(client.fd(), SHUT_WR) == 0);
         },
         true},
    };
    both_versions([&](int version) {
        offloading here;
        const auto before = earlier(here, version);
        for (const auto& one : rows) {
            INFO(one.what);
            ended_client server;
            auto client = here.connect(server, {.version = version, .session = before.get()});
            auto bytes = client.shake_by_hand();
            bytes += client.sealed("question");
            one.send(client, bytes);
            client.by_socket();
            auto backend = backend_of(server);
            CHECK(is_tcp(backend));
            CHECK(client.was_resumed());
            CHECK(backend.receive(8) == "question");
            if (one.ends)
                CHECK(backend.read_to_end() == ending::fin);
            answer(backend, client);
            if (!one.ends)
                client.finish();
        }
    });
}

TEST_CASE("kernel TLS: a client that nobody takes hears close_notify", "[kernel_tls]") {
    if (!os::offers_kernel_tls())
        return skipped(no_kernel_tls);
    both_versions([](int version) {
        offloading here;
        here.gives_back = true;
        ended_client server;
        auto client = here.connect(server, {.version = version});
        REQUIRE(client.shake());
        client.send("question"); // unread
        std::string heard;
        CHECK(client.read_to_end(heard) == tls_ending::close_notify);
        CHECK(heard.empty());
    });
}

// Over MPTCP, which has no kernel TLS; where the kernel has none at all, over TCP.
TEST_CASE("kernel TLS: what the kernel cannot take is relayed", "[kernel_tls]") {
    const bool offers = os::offers_kernel_tls();
    const os::unique_fd listener{
        ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, offers ? IPPROTO_MPTCP : IPPROTO_TCP)};
    os::unique_fd connected{
        ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, offers ? IPPROTO_MPTCP : IPPROTO_TCP)};
    if (!listener || !connected)
        return skipped("this kernel has no MPTCP");
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* const address = reinterpret_cast<sockaddr*>(&at);
    socklen_t size = sizeof at;
    REQUIRE((::bind(listener.get(), address, size) == 0 && ::listen(listener.get(), 1) == 0));
    REQUIRE(::getsockname(listener.get(), address, &size) == 0);
    REQUIRE(::connect(connected.get(), address, size) == 0);
    offloading here;
    auto server = here.take(accept_plain(listener.get()));
    tls_client client{std::move(connected)};
    REQUIRE(client.shake());
    auto backend = backend_of(server);
    CHECK_FALSE(is_tcp(backend));
    client.send("question");
    CHECK(backend.receive(8) == "question");
    answer(backend, client);
}
