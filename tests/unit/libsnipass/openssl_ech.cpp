// SPDX-License-Identifier: BSL-1.0
// snipass/openssl_ech.h with real encryption. No OpenSSL before 4.0 confirms an inner hello; so the client
// here is one that does not know that its hello is encrypted: what it says is put into an outer hello on the
// way.
#include "snipass/openssl.h"

#include "ech_sealing.hpp"
#include "receiver_fixture.hpp"

#include <openssl/err.h>
#include <openssl/x509.h>

#include <fcntl.h>

using namespace handoff_test;
using namespace snipass::testing;

namespace {

using context_ptr = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;
using ssl_ptr = std::unique_ptr<SSL, decltype(&SSL_free)>;

bytes sealed_with_aes(const ech_nonce& nonce, snipass::byte_view aad, snipass::byte_view encoded) {
    const std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> context{EVP_CIPHER_CTX_new(),
                                                                                  EVP_CIPHER_CTX_free};
    bytes sealed(encoded.size() + ech_tag_size);
    int n = 0;
    REQUIRE(EVP_EncryptInit_ex(context.get(), EVP_aes_128_gcm(), nullptr, ech_key.data(), nonce.data()) == 1);
    REQUIRE(EVP_EncryptUpdate(context.get(), nullptr, &n, aad.data(), static_cast<int>(aad.size())) == 1);
    REQUIRE(EVP_EncryptUpdate(context.get(), sealed.data(), &n, encoded.data(),
                              static_cast<int>(encoded.size())) == 1);
    REQUIRE(EVP_EncryptFinal_ex(context.get(), sealed.data() + encoded.size(), &n) == 1);
    REQUIRE(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, ech_tag_size,
                                sealed.data() + encoded.size()) == 1);
    return sealed;
}

// add_inner is the body of encrypted_client_hello of type inner.
int add_inner(SSL*, unsigned, unsigned, const unsigned char** out, std::size_t* size, X509*, std::size_t,
              int*, void*) {
    static const unsigned char inner = 1;
    *out = &inner;
    *size = 1;
    return 1;
}

context_ptr client_context() {
    context_ptr context{SSL_CTX_new(TLS_client_method()), SSL_CTX_free};
    SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION);
    SSL_CTX_clear_options(context.get(), SSL_OP_ENABLE_MIDDLEBOX_COMPAT); // no session ID
    REQUIRE(SSL_CTX_set1_groups_list(context.get(), "X25519:P-256") == 1);
    REQUIRE(SSL_CTX_add_custom_ext(context.get(), 0xfe0d, SSL_EXT_CLIENT_HELLO | SSL_EXT_TLS1_3_ONLY,
                                   add_inner, nullptr, nullptr, nullptr, nullptr) == 1);
    return context;
}

context_ptr server_context(const char* groups) {
    context_ptr context{SSL_CTX_new(TLS_server_method()), SSL_CTX_free};
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key{EVP_EC_gen("P-256"), EVP_PKEY_free};
    const std::unique_ptr<X509, decltype(&X509_free)> certificate{X509_new(), X509_free};
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3'600);
    X509_set_pubkey(certificate.get(), key.get());
    REQUIRE(X509_sign(certificate.get(), key.get(), EVP_sha256()) > 0);
    REQUIRE(SSL_CTX_use_certificate(context.get(), certificate.get()) == 1);
    REQUIRE(SSL_CTX_use_PrivateKey(context.get(), key.get()) == 1);
    REQUIRE(SSL_CTX_set1_groups_list(context.get(), groups) == 1);
    return context;
}

// wire is what lies between the client, which writes into memory, and the socket.
struct wire {
    explicit wire(SSL_CTX* context) : tls(SSL_new(context), SSL_free) {
        SSL_set_bio(tls.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
        SSL_set_tlsext_host_name(tls.get(), "secret.example");
    }

    // said is what the client has written since.
    [[nodiscard]] bytes said() const {
        const char* text = nullptr;
        const auto size = BIO_get_mem_data(SSL_get_wbio(tls.get()), &text);
        bytes all(text, text + size);
        (void)BIO_reset(SSL_get_wbio(tls.get()));
        return all;
    }
    void hear(int fd) const {
        std::array<char, 8'192> room{};
        const auto n = recv(fd, room.data(), room.size(), MSG_DONTWAIT);
        if (n > 0)
            BIO_write(SSL_get_rbio(tls.get()), room.data(), static_cast<int>(n));
    }

    ssl_ptr tls;
};

void send_all(int fd, const bytes& all) {
    REQUIRE(send(fd, all.data(), all.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(all.size()));
}

// message_of is the one handshake message of one record.
bytes message_of(const bytes& record) {
    return {record.begin() + 5, record.end()};
}

bytes encoded_of(const bytes& message) {
    return {message.begin() + ech_hello_header_size, message.end()};
}

struct openssl_fixture : fixture {
    openssl_fixture() { options.ech = 1; }

    [[nodiscard]] client_ptr take(const tcp_pair& client, const bytes& inner, std::size_t outer_size) const {
        const auto receiver = listen();
        const auto connection = connect_unix(path);
        const auto value = ech_state_value(inner, outer_size);
        byte_string rest(12);
        append_tlv(rest, 0xe0, std::string(value.begin(), value.end()));
        send_with(connection, header_around(0x21, 0x11, rest), std::array{client.near.get()});
        shutdown(connection.get(), SHUT_WR);
        return receive(receiver, 1'000);
    }
};

ech_offer offer_of(const bytes& second) {
    ech_offer offer;
    offer.outer.session_id(0).server_name("public.example");
    offer.encoded = encoded_of(second);
    offer.seal = sealed_with_aes;
    return offer;
}

// handshake goes on until both have finished, or 10 rounds have not been enough.
bool handshake(const wire& client, int far, SSL* server) {
    for (int round = 0; round < 10; ++round) {
        const bool server_done = SSL_accept(server) == 1;
        client.hear(far);
        const bool client_done = SSL_connect(client.tls.get()) == 1;
        send_all(far, client.said());
        if (server_done && client_done)
            return true;
    }
    return false;
}

} // namespace

TEST_CASE_METHOD(openssl_fixture, "snipass/openssl_ech.h: a server reads the inner hellos, and finishes") {
    const std::string groups = GENERATE("X25519", "P-256"); // with the second, there is another hello
    const auto client_tls = client_context();
    const auto server_tls = server_context(groups.c_str());
    const wire client{client_tls.get()};
    REQUIRE(SSL_connect(client.tls.get()) == -1);
    const auto inner = message_of(client.said());
    const auto outer = hello_builder::tls13().ech_outer(300).stream();
    const auto sockets = make_tcp_pair();
    send_all(sockets.far.get(), outer);
    const auto taken = take(sockets, inner, outer.size());
    REQUIRE(taken);
    REQUIRE(fcntl(snipass_client_fd(taken.get()), F_SETFL, O_NONBLOCK) == 0);

    const ssl_ptr server{SSL_new(server_tls.get()), SSL_free};
    auto* bio =
        snipass_ech_bio_new(snipass_client_fd(taken.get()), snipass_ech_new(taken.get(), snipass_evp_open));
    REQUIRE(bio != nullptr);
    SSL_set_bio(server.get(), bio, bio);
    CHECK(SSL_accept(server.get()) == -1);
    client.hear(sockets.far.get());
    if (groups == "P-256") {
        CHECK(SSL_connect(client.tls.get()) == -1);
        const auto second = client.said();
        REQUIRE(second.front() == 22);
        const auto sealed = record(offer_of(message_of(second)).message(), 22, 0x0303);
        send_all(sockets.far.get(), sealed);
    }
    CHECK(handshake(client, sockets.far.get(), server.get()));
    CHECK(SSL_get_servername(server.get(), TLSEXT_NAMETYPE_host_name) == "secret.example"s);
    CHECK(SSL_get_fd(server.get()) == snipass_client_fd(taken.get()));
}

TEST_CASE_METHOD(openssl_fixture,
                 "snipass/openssl_ech.h: a forged second hello is told so, and read no further") {
    const auto client_tls = client_context();
    const auto server_tls = server_context("P-256");
    const wire client{client_tls.get()};
    REQUIRE(SSL_connect(client.tls.get()) == -1);
    const auto inner = message_of(client.said());
    const auto outer = hello_builder::tls13().ech_outer(300).stream();
    const auto sockets = make_tcp_pair();
    send_all(sockets.far.get(), outer);
    const auto taken = take(sockets, inner, outer.size());
    REQUIRE(taken);
    REQUIRE(fcntl(snipass_client_fd(taken.get()), F_SETFL, O_NONBLOCK) == 0);
    const ssl_ptr server{SSL_new(server_tls.get()), SSL_free};
    auto* bio =
        snipass_ech_bio_new(snipass_client_fd(taken.get()), snipass_ech_new(taken.get(), snipass_evp_open));
    SSL_set_bio(server.get(), bio, bio);
    CHECK(SSL_accept(server.get()) == -1);
    std::array<std::uint8_t, 8'192> room{};
    CHECK(recv(sockets.far.get(), room.data(), room.size(), MSG_DONTWAIT) > 0); // HelloRetryRequest

    auto sealed = offer_of(inner).message();
    sealed.back() ^= 1;
    send_all(sockets.far.get(), record(sealed, 22, 0x0303));
    CHECK(SSL_accept(server.get()) == -1);
    CHECK(SSL_get_error(server.get(), -1) == SSL_ERROR_SYSCALL);
    const bytes alert{21, 3, 3, 0, 2, 2, 51};
    CHECK(recv(sockets.far.get(), room.data(), room.size(), MSG_DONTWAIT) ==
          static_cast<ssize_t>(alert.size()));
    CHECK(std::equal(alert.begin(), alert.end(), room.begin()));
    ERR_clear_error();
}

TEST_CASE("snipass/openssl_ech.h: all three AEADs open, and nothing that is forged") {
    const auto aead = GENERATE(std::uint16_t{1}, std::uint16_t{2}, std::uint16_t{3});
    const EVP_CIPHER* ciphers[] = {EVP_aes_128_gcm(), EVP_aes_256_gcm(), EVP_chacha20_poly1305()};
    const bytes key(32, 0x11), nonce(12, 0x22), aad(7, 0x33), plain(100, 0x44);
    bytes sealed(plain.size() + ech_tag_size);
    int n = 0;
    auto* context = EVP_CIPHER_CTX_new();
    REQUIRE(EVP_EncryptInit_ex(context, ciphers[aead - 1], nullptr, key.data(), nonce.data()) == 1);
    REQUIRE(EVP_EncryptUpdate(context, nullptr, &n, aad.data(), static_cast<int>(aad.size())) == 1);
    REQUIRE(EVP_EncryptUpdate(context, sealed.data(), &n, plain.data(), static_cast<int>(plain.size())) == 1);
    REQUIRE(EVP_EncryptFinal_ex(context, sealed.data() + plain.size(), &n) == 1);
    REQUIRE(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, ech_tag_size, sealed.data() + plain.size()) ==
            1);
    EVP_CIPHER_CTX_free(context);
    bytes opened(plain.size());
    const auto open = [&] {
        return snipass_evp_open(aead, key.data(), nonce.data(), aad.data(), aad.size(), sealed.data(),
                                sealed.size(), opened.data());
    };
    CHECK(open() == 1);
    CHECK(opened == plain);
    sealed.back() ^= 1;
    CHECK(open() == 0);
    CHECK(snipass_evp_open(4, key.data(), nonce.data(), aad.data(), aad.size(), sealed.data(), sealed.size(),
                           opened.data()) == 0);
}

TEST_CASE_METHOD(openssl_fixture,
                 "snipass/openssl.h: an OpenSSL that cannot confirm the inner hello says so") {
    const auto sockets = make_tcp_pair();
    const auto taken = take(sockets, inner_hello().message(), 100);
    REQUIRE(taken);
    const auto server_tls = server_context("P-256");
    const ssl_ptr server{SSL_new(server_tls.get()), SSL_free};
    CHECK(snipass_ssl_set_client(server.get(), taken.get()) == (SNIPASS_OPENSSL_HAS_ECH ? 1 : 0));
    CHECK((ERR_GET_REASON(ERR_get_error()) == ERR_R_DISABLED) != SNIPASS_OPENSSL_HAS_ECH);
}
