// SPDX-License-Identifier: BSL-1.0
// From the secrets of a handshake to the kernel's keys.
#include "snipass/terminate/kernel_keys.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <linux/tls.h>

#include <algorithm>
#include <memory>
#include <new>
#include <span>
#include <stdexcept>
#include <string_view>

namespace snipass::terminate {
namespace {

// A cipher suite that the kernel has, told by its own number: OpenSSL's names for ciphers do not tell CCM
// from CCM_8, which the kernel takes for CCM.
struct suite {
    std::uint16_t id; // of the registry "TLS Cipher Suites"
    std::uint16_t kernels;
    std::size_t key_size;
};
constexpr suite suites[] = {
    {0x1301, TLS_CIPHER_AES_GCM_128, TLS_CIPHER_AES_GCM_128_KEY_SIZE},
    {0x1302, TLS_CIPHER_AES_GCM_256, TLS_CIPHER_AES_GCM_256_KEY_SIZE},
    {0x1303, TLS_CIPHER_CHACHA20_POLY1305, TLS_CIPHER_CHACHA20_POLY1305_KEY_SIZE},
    {0xC02B, TLS_CIPHER_AES_GCM_128, TLS_CIPHER_AES_GCM_128_KEY_SIZE}, // ECDHE with ECDSA
    {0xC02F, TLS_CIPHER_AES_GCM_128, TLS_CIPHER_AES_GCM_128_KEY_SIZE}, // and with RSA
    {0xC02C, TLS_CIPHER_AES_GCM_256, TLS_CIPHER_AES_GCM_256_KEY_SIZE},
    {0xC030, TLS_CIPHER_AES_GCM_256, TLS_CIPHER_AES_GCM_256_KEY_SIZE},
    {0xCCA9, TLS_CIPHER_CHACHA20_POLY1305, TLS_CIPHER_CHACHA20_POLY1305_KEY_SIZE},
    {0xCCA8, TLS_CIPHER_CHACHA20_POLY1305, TLS_CIPHER_CHACHA20_POLY1305_KEY_SIZE},
};

constexpr std::size_t iv_size = 12;    // of all of them (RFC 8446, section 5.3; RFC 7905, section 2)
constexpr std::size_t gcm_iv_size = 4; // in TLS 1.2 the rest is in each record (RFC 5288, section 3)
constexpr std::size_t gcm_salt_size = 4;

struct free_kdf {
    void operator()(EVP_KDF* one) const noexcept { EVP_KDF_free(one); }
    void operator()(EVP_KDF_CTX* one) const noexcept { EVP_KDF_CTX_free(one); }
};

// fill derives as many bytes as `to` has.
void fill(const char* function, std::span<const OSSL_PARAM> with, std::span<std::uint8_t> to) {
    const std::unique_ptr<EVP_KDF, free_kdf> kdf{EVP_KDF_fetch(nullptr, function, nullptr)};
    const std::unique_ptr<EVP_KDF_CTX, free_kdf> one{kdf ? EVP_KDF_CTX_new(kdf.get()) : nullptr};
    if (!one || EVP_KDF_derive(one.get(), to.data(), to.size(), with.data()) != 1)
        throw std::bad_alloc{}; // nothing else makes it fail
}

OSSL_PARAM text_parameter(const char* key, const char* text) {
    return OSSL_PARAM_construct_utf8_string(key, const_cast<char*>(text), 0);
}

OSSL_PARAM bytes_parameter(const char* key, byte_view bytes) {
    return OSSL_PARAM_construct_octet_string(key, const_cast<std::uint8_t*>(bytes.data()), bytes.size());
}

// expand is HKDF-Expand-Label(of, label, "", size) (RFC 8446, section 7.1).
void expand(const secret& of, const char* digest, std::string_view label, std::span<std::uint8_t> to) {
    int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
    const OSSL_PARAM with[] = {OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
                               text_parameter(OSSL_KDF_PARAM_DIGEST, digest),
                               bytes_parameter(OSSL_KDF_PARAM_KEY, of.bytes()),
                               bytes_parameter(OSSL_KDF_PARAM_PREFIX, as_bytes("tls13 ")),
                               bytes_parameter(OSSL_KDF_PARAM_LABEL, as_bytes(label)),
                               OSSL_PARAM_construct_end()};
    fill("TLS13-KDF", with, to);
}

// Memory for keys, wiped at its end.
template <std::size_t Size>
struct wiped {
    std::array<std::uint8_t, Size> bytes{};
    ~wiped() { OPENSSL_cleanse(bytes.data(), Size); }
};

// What one direction is made of. `nonce` is what the next record has of TLS 1.2 with GCM.
struct direction {
    byte_view key;
    byte_view iv;
    std::uint64_t sequence;
    std::array<std::uint8_t, 8> nonce;
};

std::array<std::uint8_t, 8> big_endian(std::uint64_t number) {
    std::array<std::uint8_t, 8> made{};
    for (auto at = made.rbegin(); at != made.rend(); ++at, number >>= 8)
        *at = static_cast<std::uint8_t>(number);
    return made;
}

// The order of the members is the same in each struct of linux/tls.h.
secret lay_out(const suite& cipher, std::uint16_t version, const direction& one) {
    const tls_crypto_info info{version, cipher.kernels};
    secret made;
    made.append({reinterpret_cast<const std::uint8_t*>(&info), sizeof info});
    const bool is_gcm = cipher.kernels != TLS_CIPHER_CHACHA20_POLY1305;
    if (!is_gcm) {
        made.append(one.iv);
        made.append(one.key);
    } else {
        made.append(version == TLS_1_3_VERSION ? one.iv.subspan(gcm_salt_size) : byte_view{one.nonce});
        made.append(one.key);
        made.append(one.iv.first(gcm_salt_size));
    }
    made.append(big_endian(one.sequence));
    return made;
}

kernel_keys keys_of_1_3(const suite& cipher, const char* digest, const handshake_notes& seen) {
    const auto one = [&](const secret& traffic, std::uint64_t sequence) {
        wiped<EVP_MAX_KEY_LENGTH + iv_size> room;
        const std::span all{room.bytes};
        const auto key = all.first(cipher.key_size);
        const auto iv = all.subspan(cipher.key_size, iv_size);
        expand(traffic, digest, "key", key);
        expand(traffic, digest, "iv", iv);
        return lay_out(cipher, TLS_1_3_VERSION, {key, iv, sequence, {}});
    };
    return {one(seen.client_traffic, 0), one(seen.server_traffic, seen.records_sent)};
}

// The key block of TLS 1.2 (RFC 5246, section 6.3). The client has sent one record under these keys: its
// Finished. The next explicit nonce is the one behind ours, so that none can come twice.
kernel_keys keys_of_1_2(const suite& cipher, const char* digest, const SSL& ssl,
                        const handshake_notes& seen) {
    wiped<SSL_MAX_MASTER_KEY_LENGTH> master;
    const auto master_size =
        SSL_SESSION_get_master_key(SSL_get_session(&ssl), master.bytes.data(), master.bytes.size());
    std::array<std::uint8_t, SSL3_RANDOM_SIZE> client{};
    std::array<std::uint8_t, SSL3_RANDOM_SIZE> server{};
    (void)SSL_get_client_random(&ssl, client.data(), client.size());
    (void)SSL_get_server_random(&ssl, server.data(), server.size());
    const OSSL_PARAM with[] = {
        text_parameter(OSSL_KDF_PARAM_DIGEST, digest),
        bytes_parameter(OSSL_KDF_PARAM_SECRET, byte_view{master.bytes}.first(master_size)),
        bytes_parameter(OSSL_KDF_PARAM_SEED, as_bytes("key expansion")),
        bytes_parameter(OSSL_KDF_PARAM_SEED, server),
        bytes_parameter(OSSL_KDF_PARAM_SEED, client),
        OSSL_PARAM_construct_end()};
    const auto key_size = cipher.key_size;
    const auto part = cipher.kernels == TLS_CIPHER_CHACHA20_POLY1305 ? iv_size : gcm_iv_size;
    wiped<2 * (EVP_MAX_KEY_LENGTH + iv_size)> room;
    const auto all = std::span{room.bytes}.first(2 * (key_size + part));
    fill("TLS1-PRF", with, all);
    auto next = seen.nonce;
    for (auto at = next.rbegin(); at != next.rend() && ++*at == 0; ++at)
        ;
    return {lay_out(cipher, TLS_1_2_VERSION, {all.first(key_size), all.subspan(2 * key_size, part), 1, {}}),
            lay_out(cipher, TLS_1_2_VERSION,
                    {all.subspan(key_size, key_size), all.subspan(2 * key_size + part, part),
                     seen.records_sent, next})};
}

} // namespace

secret::~secret() {
    OPENSSL_cleanse(bytes_.data(), bytes_.size());
}

void secret::append(byte_view bytes) {
    if (bytes.size() > bytes_.size() - size_)
        throw std::length_error{"a secret of more than 64 bytes"};
    std::ranges::copy(bytes, bytes_.begin() + static_cast<std::ptrdiff_t>(size_));
    size_ += bytes.size();
}

std::optional<kernel_keys> derive_keys(const SSL& ssl, const handshake_notes& seen) {
    const auto* const cipher = SSL_get_current_cipher(&ssl);
    const auto* const known =
        std::ranges::find(suites, cipher == nullptr ? 0 : SSL_CIPHER_get_protocol_id(cipher), &suite::id);
    if (known == std::end(suites))
        return std::nullopt;
    const char* const digest = EVP_MD_get0_name(SSL_CIPHER_get_handshake_digest(cipher));
    if (SSL_version(&ssl) == TLS1_2_VERSION)
        return keys_of_1_2(*known, digest, ssl, seen);
    if (SSL_version(&ssl) != TLS1_3_VERSION || seen.client_traffic.bytes().empty() ||
        seen.server_traffic.bytes().empty())
        return std::nullopt;
    return keys_of_1_3(*known, digest, seen);
}

} // namespace snipass::terminate
