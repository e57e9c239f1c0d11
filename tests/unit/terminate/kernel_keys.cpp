// SPDX-License-Identifier: BSL-1.0
// The keys for the kernel are right if a record that is sealed with them by hand is one that the client
// opens, and the reverse. So this needs no kernel that has TLS.
#include "snipass/terminate/kernel_keys.hpp"

#include "catch.hpp"
#include "certificate_files.hpp"
#include "snipass/terminate/connection.hpp"
#include "snipass/terminate/contexts.hpp"
#include "tcp_client.hpp"
#include "tls_client.hpp"

#include <openssl/evp.h>

#include <linux/tls.h>

#include <cstring>
#include <ctime>
#include <future>
#include <memory>

using namespace snipass;
using namespace snipass::testing;
using terminate::progress;

namespace {

using bytes = std::vector<std::uint8_t>;

// What the kernel reads out of a struct of linux/tls.h.
struct record_layer {
    std::uint16_t version, cipher;
    bytes iv, key, salt, sequence;

    explicit record_layer(byte_view info) {
        REQUIRE(info.size() >= sizeof version + sizeof cipher);
        std::memcpy(&version, info.data(), sizeof version);
        std::memcpy(&cipher, info.data() + sizeof version, sizeof cipher);
        const bool is_gcm = cipher != TLS_CIPHER_CHACHA20_POLY1305;
        auto rest = info.subspan(sizeof version + sizeof cipher);
        const auto take = [&rest](std::size_t n) {
            const bytes part(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(n));
            rest = rest.subspan(n);
            return part;
        };
        iv = take(is_gcm ? 8 : 12);
        key = take(cipher == TLS_CIPHER_AES_GCM_128 ? 16 : 32);
        salt = take(is_gcm ? 4 : 0);
        sequence = take(8);
        CHECK(rest.empty());
    }

    [[nodiscard]] bool has_explicit_nonce() const {
        return version == TLS_1_2_VERSION && cipher != TLS_CIPHER_CHACHA20_POLY1305;
    }
    [[nodiscard]] const EVP_CIPHER* function() const {
        return cipher == TLS_CIPHER_AES_GCM_128   ? EVP_aes_128_gcm()
               : cipher == TLS_CIPHER_AES_GCM_256 ? EVP_aes_256_gcm()
                                                  : EVP_chacha20_poly1305();
    }
    [[nodiscard]] bytes nonce(const bytes& explicit_part) const {
        auto made = salt;
        const auto& rest = has_explicit_nonce() ? explicit_part : iv;
        made.insert(made.end(), rest.begin(), rest.end());
        if (!has_explicit_nonce())
            for (std::size_t i = 0; i < 8; ++i)
                made[4 + i] ^= sequence[i];
        return made;
    }
    // RFC 8446, section 5.2; RFC 5246, section 6.2.3.3.
    [[nodiscard]] bytes additional(std::size_t size, std::size_t sealed) const {
        bytes made;
        if (version == TLS_1_2_VERSION)
            made = sequence;
        const auto length = version == TLS_1_2_VERSION ? size : sealed;
        for (const std::size_t byte : {std::size_t{23}, std::size_t{3}, std::size_t{3}, length >> 8, length})
            made.push_back(static_cast<std::uint8_t>(byte));
        return made;
    }
};

constexpr std::size_t tag_size = 16;

bytes run(const record_layer& with, bool seals, const bytes& nonce, const bytes& additional, bytes text,
          bytes& tag) {
    const std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> one{EVP_CIPHER_CTX_new(),
                                                                              &EVP_CIPHER_CTX_free};
    int n = 0;
    EVP_CipherInit_ex(one.get(), with.function(), nullptr, with.key.data(), nonce.data(), seals ? 1 : 0);
    if (!seals)
        EVP_CIPHER_CTX_ctrl(one.get(), EVP_CTRL_AEAD_SET_TAG, tag_size, tag.data());
    EVP_CipherUpdate(one.get(), nullptr, &n, additional.data(), static_cast<int>(additional.size()));
    bytes made(text.size());
    EVP_CipherUpdate(one.get(), made.data(), &n, text.data(), static_cast<int>(text.size()));
    int rest = 0;
    REQUIRE(EVP_CipherFinal_ex(one.get(), made.data() + n, &rest) == 1); // false: the tag is another one
    if (seals)
        EVP_CIPHER_CTX_ctrl(one.get(), EVP_CTRL_AEAD_GET_TAG, tag_size, tag.data());
    return made;
}

// seal is the next record that the kernel would send.
bytes seal(const record_layer& with, std::string_view what) {
    bytes text(what.begin(), what.end());
    if (with.version == TLS_1_3_VERSION)
        text.push_back(23);
    const bytes in_front = with.has_explicit_nonce() ? with.iv : bytes{};
    const auto length = in_front.size() + text.size() + tag_size;
    bytes tag(tag_size);
    const auto sealed = run(with, true, with.nonce(with.iv), with.additional(text.size(), length), text, tag);
    bytes record{23, 3, 3, static_cast<std::uint8_t>(length >> 8), static_cast<std::uint8_t>(length)};
    for (const bytes* const part : {&in_front, &sealed, static_cast<const bytes*>(&tag)})
        record.insert(record.end(), part->begin(), part->end());
    return record;
}

std::string open(const record_layer& with, const bytes& record) {
    const auto body = record.begin() + 5;
    const auto begin = with.has_explicit_nonce() ? body + 8 : body;
    const auto end = record.end() - tag_size;
    bytes tag(end, record.end());
    const bytes sealed(begin, end);
    const auto text = run(with, false, with.nonce(bytes(body, body + 8)),
                          with.additional(sealed.size(), record.size() - 5), sealed, tag);
    std::string made(text.begin(), text.end());
    if (with.version == TLS_1_3_VERSION)
        made.pop_back(); // the type
    return made;
}

bytes hear_record(int fd) {
    bytes record(5);
    wait_until_unread(fd, 5);
    REQUIRE(::recv(fd, record.data(), 5, 0) == 5);
    const auto size = std::size_t{record[3]} << 8 | record[4];
    record.resize(5 + size);
    wait_until_unread(fd, size);
    REQUIRE(::recv(fd, record.data() + 5, size, 0) == static_cast<ssize_t>(size));
    return record;
}

// The contexts of one certificate.
struct server_side {
    explicit server_side(wish certificate = {{"a.example"}}, bool may_offload = true) {
        const certificate_folder here;
        config::tls_settings settings;
        settings.certificates.push_back({here.add("0", issue(certificate)), {}, {}});
        auto read = certificates::load(settings.certificates, std::time(nullptr));
        known = std::make_unique<terminate::contexts>(std::move(read.certificates), settings, keys,
                                                      may_offload, read.diagnostics);
        REQUIRE(read.diagnostics.empty());
    }
    [[nodiscard]] SSL_CTX& context() const { return *known->find(host_name::parse("a.example")); }

    terminate::ticket_keys keys;
    std::unique_ptr<terminate::contexts> known;
};

const std::vector<std::string> no_alpn;

// finish_by_hand does the handshake, and then both sides' first records without OpenSSL on the server's.
void finish_by_hand(const server_side& server, tls_client& client, int accepted) {
    terminate::connection tls{server.context(), accepted, no_alpn, "a"};
    tls.keep_notes();
    auto shaken = std::async(std::launch::async, [&] { return client.shake(); });
    auto how = progress::wants_readable;
    while ((how = tls.shake()) == progress::wants_readable)
        REQUIRE(is_readable(accepted));
    REQUIRE(shaken.get());
    INFO(tls.why());
    REQUIRE(how == progress::done);
    const auto keys = tls.keys();
    REQUIRE(keys);
    const record_layer send{keys->send.bytes()};
    const record_layer receive{keys->receive.bytes()};
    if (send.has_explicit_nonce()) { // it goes on behind ours
        auto next = tls.below().last_nonce();
        for (auto at = next.rbegin(); at != next.rend() && ++*at == 0; ++at)
            ;
        CHECK(send.iv == bytes(next.begin(), next.end()));
    }
    const auto record = seal(send, "from the kernel");
    REQUIRE(::send(accepted, record.data(), record.size(), 0) == static_cast<ssize_t>(record.size()));
    CHECK(client.receive(15) == "from the kernel");
    client.send("to the kernel");
    CHECK(open(receive, hear_record(accepted)) == "to the kernel");
}

} // namespace

TEST_CASE("kernel keys: a record that is sealed with them is one of the connection's") {
    struct row {
        int version;
        const char* cipher;
        bool is_rsa;
    };
    const auto one = GENERATE(row{TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256", false},
                              row{TLS1_3_VERSION, "TLS_AES_256_GCM_SHA384", false},
                              row{TLS1_3_VERSION, "TLS_CHACHA20_POLY1305_SHA256", false},
                              row{TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256", false},
                              row{TLS1_2_VERSION, "ECDHE-ECDSA-AES256-GCM-SHA384", false},
                              row{TLS1_2_VERSION, "ECDHE-ECDSA-CHACHA20-POLY1305", false},
                              row{TLS1_2_VERSION, "ECDHE-RSA-AES128-GCM-SHA256", true},
                              row{TLS1_2_VERSION, "ECDHE-RSA-AES256-GCM-SHA384", true},
                              row{TLS1_2_VERSION, "ECDHE-RSA-CHACHA20-POLY1305", true});
    INFO(one.cipher);
    const server_side server{{.names = {"a.example"}, .key = one.is_rsa ? key_type::rsa : key_type::ec}};
    tcp_connection pair;
    tls_client client{pair.client.take(), {.version = one.version}};
    if (one.version == TLS1_3_VERSION)
        REQUIRE(SSL_set_ciphersuites(client.ssl(), one.cipher) == 1);
    else
        REQUIRE(SSL_set_cipher_list(client.ssl(), one.cipher) == 1);
    finish_by_hand(server, client, pair.accepted.get());
    CHECK(SSL_get_cipher_name(client.ssl()) == std::string{one.cipher});
}

TEST_CASE("kernel keys: tickets that are sent behind the handshake are counted") {
    const int tickets = GENERATE(0, 1, 2, 5);
    INFO(tickets);
    const server_side server;
    SSL_CTX_set_num_tickets(&server.context(), static_cast<std::size_t>(tickets));
    tcp_connection pair;
    tls_client client{pair.client.take(), {.version = TLS1_3_VERSION}};
    finish_by_hand(server, client, pair.accepted.get());
}

TEST_CASE("kernel keys: of a session that is resumed, and behind a HelloRetryRequest") {
    const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
    const server_side server;
    tcp_connection first;
    tls_client before{first.client.take(), {.version = version}};
    REQUIRE(SSL_set1_groups_list(before.ssl(), "P-521:P-384:P-256") ==
            1); // 1.3: its share is of one that we do not offer
    finish_by_hand(server, before, first.accepted.get());
    CHECK_FALSE(before.was_resumed());
    const std::unique_ptr<SSL_SESSION, decltype(&SSL_SESSION_free)> session{before.session(),
                                                                            &SSL_SESSION_free};
    tcp_connection second;
    tls_client after{second.client.take(), {.version = version, .session = session.get()}};
    finish_by_hand(server, after, second.accepted.get());
    CHECK(after.was_resumed());
}

TEST_CASE("kernel keys: none for a cipher that the kernel does not have") {
    const server_side server;
    SSL_CTX_set_security_level(&server.context(), 0); // newer libraries refuse it above
    REQUIRE(SSL_CTX_set_ciphersuites(&server.context(), "TLS_AES_128_CCM_8_SHA256") == 1);
    tcp_connection pair;
    tls_client client{pair.client.take(), {.version = TLS1_3_VERSION}};
    SSL_set_security_level(client.ssl(), 0);
    REQUIRE(SSL_set_ciphersuites(client.ssl(), "TLS_AES_128_CCM_8_SHA256") == 1);
    terminate::connection tls{server.context(), pair.accepted.get(), no_alpn, "a"};
    tls.keep_notes();
    auto shaken = std::async(std::launch::async, [&] { return client.shake(); });
    while (tls.shake() == progress::wants_readable)
        REQUIRE(is_readable(pair.accepted.get()));
    REQUIRE(shaken.get());
    CHECK_FALSE(tls.keys());
}

TEST_CASE("kernel keys: secrets are told only where the kernel may get some") {
    for (const bool may_offload : {true, false}) {
        const server_side server{{{"a.example"}}, may_offload};
        CHECK((SSL_CTX_get_keylog_callback(&server.context()) != nullptr) == may_offload);
    }
}
