// SPDX-License-Identifier: BSL-1.0
// snipass/openssl.h: the consumed bytes come first, then the socket, and nothing is read ahead.
#include "snipass/openssl.h"

#include "receiver_fixture.hpp"

using namespace handoff_test;

namespace {

using bio_ptr = std::unique_ptr<BIO, decltype(&BIO_free_all)>;

struct socket_pair {
    test_fd ours, theirs;
};

socket_pair make_pair() {
    int fds[2];
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
    return {test_fd{fds[0]}, test_fd{fds[1]}};
}

} // namespace

TEST_CASE("snipass/openssl.h replays the consumed bytes, then reads the socket") {
    auto sockets = make_pair();
    const bio_ptr bio{snipass_bio_new(sockets.ours.get(), "hello", 5), BIO_free_all};
    REQUIRE(bio);
    REQUIRE(send(sockets.theirs.get(), " world", 6, 0) == 6);
    char bytes[16];
    CHECK(BIO_pending(bio.get()) == 5);
    CHECK(BIO_read(bio.get(), bytes, 3) == 3);
    CHECK(BIO_pending(bio.get()) == 2);
    CHECK(BIO_get_data(bio.get()) != nullptr);
    CHECK(BIO_read(bio.get(), bytes + 3, 13) == 2); // not mixed with the socket's
    CHECK(BIO_get_data(bio.get()) == nullptr);      // a connection may live long
    CHECK(is_readable(sockets.ours.get()));
    CHECK(BIO_read(bio.get(), bytes + 5, 4) == 4);
    CHECK(std::string(bytes, 9) == "hello wor");
    CHECK(is_readable(sockets.ours.get())); // "ld" is still the socket's: nothing was read ahead
    CHECK(BIO_read(bio.get(), bytes, 16) == 2);
    CHECK(BIO_read(bio.get(), bytes, 16) == -1);
    CHECK(BIO_should_read(bio.get()));
    sockets.theirs.reset();
    CHECK(BIO_read(bio.get(), bytes, 16) == 0);
    CHECK_FALSE(BIO_should_retry(bio.get()));
}

TEST_CASE("snipass/openssl.h uses the socket alone where nothing was consumed, and borrows it") {
    auto sockets = make_pair();
    {
        const bio_ptr bio{snipass_bio_new(sockets.ours.get(), nullptr, 0), BIO_free_all};
        char byte = 0;
        REQUIRE(send(sockets.theirs.get(), "x", 1, 0) == 1);
        CHECK(BIO_read(bio.get(), &byte, 1) == 1);
    }
    CHECK(send(sockets.theirs.get(), "y", 1, MSG_NOSIGNAL) == 1);
}

TEST_CASE_METHOD(fixture,
                 "snipass/openssl.h lets a TLS server answer a ClientHello that came in a datagram") {
    // A client's hello, made by OpenSSL itself.
    const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> client_context{SSL_CTX_new(TLS_client_method()),
                                                                           SSL_CTX_free};
    const std::unique_ptr<SSL, decltype(&SSL_free)> client_tls{SSL_new(client_context.get()), SSL_free};
    BIO* sent = BIO_new(BIO_s_mem());
    SSL_set_bio(client_tls.get(), BIO_new(BIO_s_mem()), sent);
    REQUIRE(SSL_connect(client_tls.get()) == -1);
    const char* hello = nullptr;
    const auto size = BIO_get_mem_data(sent, &hello);

    options.protocol = SNIPASS_DATAGRAM;
    const auto receiver = listen();
    auto client = make_tcp_pair();
    const auto sender = connect_unix(path, SOCK_DGRAM);
    send_with(sender, {reinterpret_cast<const std::uint8_t*>(hello), static_cast<std::size_t>(size)},
              std::array{client.near.get()});
    const auto taken = receive(receiver);
    REQUIRE(taken);
    const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context{SSL_CTX_new(TLS_server_method()),
                                                                    SSL_CTX_free};
    const std::unique_ptr<SSL, decltype(&SSL_free)> tls{SSL_new(context.get()), SSL_free};
    REQUIRE(snipass_ssl_set_client(tls.get(), taken.get()) == 1);
    CHECK(SSL_get_fd(tls.get()) == snipass_client_fd(taken.get()));
    // It has no certificate; that it says so in an alert to the client means that it has read the whole
    // hello.
    CHECK(SSL_accept(tls.get()) == -1);
    std::uint8_t record = 0;
    CHECK(recv(client.far.get(), &record, 1, 0) == 1);
    CHECK(record == 21);
}
