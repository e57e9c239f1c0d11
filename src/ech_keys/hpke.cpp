// SPDX-License-Identifier: BSL-1.0
// HPKE over OpenSSL's primitives: Debian 12 has no HPKE of OpenSSL's own (3.2), and NSS's would bring a
// second library of cryptography, with a database of its own, into the process that has the keys.
#include "snipass/ech_keys/hpke.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <initializer_list>

namespace snipass::ech_keys {
namespace {

constexpr std::size_t hash_size = 32; // SHA-256
constexpr std::size_t tag_size = 16;  // of each AEAD

struct pkey_context_free {
    void operator()(EVP_PKEY_CTX* one) const noexcept { EVP_PKEY_CTX_free(one); }
};
struct cipher_context_free {
    void operator()(EVP_CIPHER_CTX* one) const noexcept { EVP_CIPHER_CTX_free(one); }
};
struct mac_free {
    void operator()(EVP_MAC* one) const noexcept { EVP_MAC_free(one); }
};
struct mac_context_free {
    void operator()(EVP_MAC_CTX* one) const noexcept { EVP_MAC_CTX_free(one); }
};

void append(std::vector<std::uint8_t>& to, byte_view bytes) {
    to.insert(to.end(), bytes.begin(), bytes.end());
}

// Each look-up of an algorithm costs as much as a hash does, so each is made once.
EVP_MAC_CTX* prepared_hmac() {
    static const std::unique_ptr<EVP_MAC, mac_free> mac{EVP_MAC_fetch(nullptr, "HMAC", nullptr)};
    static const std::unique_ptr<EVP_MAC_CTX, mac_context_free> made{mac ? EVP_MAC_CTX_new(mac.get())
                                                                         : nullptr};
    static const bool is_ready = [] {
        char digest[] = "SHA256";
        const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                         OSSL_PARAM_construct_end()};
        return made && EVP_MAC_CTX_set_params(made.get(), parameters) == 1;
    }();
    return is_ready ? made.get() : nullptr;
}

const EVP_CIPHER* cipher_of(std::uint16_t aead) {
    static const EVP_CIPHER* const aes128 = EVP_CIPHER_fetch(nullptr, "AES-128-GCM", nullptr);
    static const EVP_CIPHER* const aes256 = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
    static const EVP_CIPHER* const chacha = EVP_CIPHER_fetch(nullptr, "ChaCha20-Poly1305", nullptr);
    switch (aead) {
    case ech::aead_aes_128_gcm:
        return aes128;
    case ech::aead_aes_256_gcm:
        return aes256;
    case ech::aead_chacha20_poly1305:
        return chacha;
    default:
        return nullptr;
    }
}

// hmac is HMAC-SHA256; false: there was no memory.
bool hmac(byte_view key, byte_view data, std::uint8_t* to) {
    static constexpr std::uint8_t no_key[hash_size] =
        {}; // a salt that is empty is zeros (RFC 5869 section 2.2)
    auto* const with = prepared_hmac();
    if (key.empty())
        key = no_key;
    return with != nullptr && EVP_MAC_init(with, key.data(), key.size(), nullptr) == 1 &&
           EVP_MAC_update(with, data.data(), data.size()) == 1 &&
           EVP_MAC_final(with, to, nullptr, hash_size) == 1;
}

// labeled_extract and labeled_expand: RFC 9180 section 4. What is expanded has at most one hash's size here.
bool labeled_extract(byte_view suite_id, byte_view salt, std::string_view label, byte_view material,
                     std::uint8_t* to) {
    std::vector<std::uint8_t> data;
    append(data, as_bytes("HPKE-v1"));
    append(data, suite_id);
    append(data, as_bytes(label));
    append(data, material);
    const bool is_done = hmac(salt, data, to);
    OPENSSL_cleanse(data.data(), data.size());
    return is_done;
}

bool labeled_expand(byte_view suite_id, byte_view secret, std::string_view label, byte_view info,
                    std::uint8_t* to, std::size_t size) {
    std::vector<std::uint8_t> data{static_cast<std::uint8_t>(size >> 8), static_cast<std::uint8_t>(size)};
    append(data, as_bytes("HPKE-v1"));
    append(data, suite_id);
    append(data, as_bytes(label));
    append(data, info);
    data.push_back(1); // the first block's number (RFC 5869 section 2.3)
    secret_bytes block{hash_size};
    if (!hmac(secret, data, block.data()))
        return false;
    std::copy_n(block.data(), size, to);
    return true;
}

std::array<std::uint8_t, 5> kem_suite_id() {
    return {'K', 'E', 'M', ech::kem_x25519 >> 8, ech::kem_x25519 & 0xff};
}

std::array<std::uint8_t, 10> suite_id_of(const ech::cipher_suite& suite) {
    const auto high = [](std::uint16_t number) { return static_cast<std::uint8_t>(number >> 8); };
    const auto low = [](std::uint16_t number) { return static_cast<std::uint8_t>(number & 0xff); };
    return {'H',
            'P',
            'K',
            'E',
            high(ech::kem_x25519),
            low(ech::kem_x25519),
            high(suite.kdf),
            low(suite.kdf),
            high(suite.aead),
            low(suite.aead)};
}

} // namespace

secret_bytes::~secret_bytes() {
    OPENSSL_cleanse(bytes_.data(), bytes_.size());
}

std::vector<std::uint8_t> public_key_of(const private_key& key) {
    std::vector<std::uint8_t> bytes(x25519_size);
    auto size = bytes.size();
    if (!key || EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_X25519 ||
        EVP_PKEY_get_raw_public_key(key.get(), bytes.data(), &size) != 1 || size != x25519_size)
        return {};
    return bytes;
}

receiver::receiver(private_key key, std::vector<std::uint8_t> info)
    : key_(std::move(key)), public_key_(public_key_of(key_)), info_(std::move(info)) {}

// shared_secret is Decap (section 4.1). An exchange whose result is all zero fails in OpenSSL
// (section 7.1.4).
std::optional<secret_bytes> receiver::shared_secret(byte_view enc) const {
    if (enc.size() != x25519_size)
        return std::nullopt;
    const private_key peer{EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, nullptr, enc.data(), enc.size())};
    const std::unique_ptr<EVP_PKEY_CTX, pkey_context_free> exchange{EVP_PKEY_CTX_new(key_.get(), nullptr)};
    secret_bytes dh{x25519_size};
    auto size = x25519_size;
    if (!peer || !exchange || EVP_PKEY_derive_init(exchange.get()) != 1 ||
        EVP_PKEY_derive_set_peer_ex(exchange.get(), peer.get(), 0) != 1 ||
        EVP_PKEY_derive(exchange.get(), dh.data(), &size) != 1 || size != x25519_size)
        return std::nullopt;

    const auto id = kem_suite_id();
    std::vector<std::uint8_t> kem_context;
    append(kem_context, enc);
    append(kem_context, public_key_);
    secret_bytes extracted{hash_size};
    secret_bytes shared{hash_size};
    if (!labeled_extract(id, {}, "eae_prk", dh.view(), extracted.data()) ||
        !labeled_expand(id, extracted.view(), "shared_secret", kem_context, shared.data(), hash_size))
        return std::nullopt;
    return shared;
}

// set_up is KeySchedule (section 5.1), without a PSK and without the exporter's secret, which nobody needs.
std::optional<context> receiver::set_up(const ech::cipher_suite& suite, byte_view enc) const {
    const auto* const cipher = ech::is_supported(suite) ? cipher_of(suite.aead) : nullptr;
    if (cipher == nullptr)
        return std::nullopt;
    const auto shared = shared_secret(enc);
    if (!shared)
        return std::nullopt;
    const auto id = suite_id_of(suite);
    std::vector<std::uint8_t> key_schedule_context(1 + 2 * hash_size); // its first byte is mode_base
    secret_bytes secret{hash_size};
    context made{suite.aead, secret_bytes{static_cast<std::size_t>(EVP_CIPHER_get_key_length(cipher))}, {}};
    if (!labeled_extract(id, {}, "psk_id_hash", {}, key_schedule_context.data() + 1) ||
        !labeled_extract(id, {}, "info_hash", info_, key_schedule_context.data() + 1 + hash_size) ||
        !labeled_extract(id, shared->view(), "secret", {}, secret.data()) ||
        !labeled_expand(id, secret.view(), "key", key_schedule_context, made.key.data(),
                        made.key.view().size()) ||
        !labeled_expand(id, secret.view(), "base_nonce", key_schedule_context, made.base_nonce.data(),
                        made.base_nonce.size()))
        return std::nullopt;
    return made;
}

bool is_available() {
    private_key key{EVP_PKEY_Q_keygen(nullptr, nullptr, "X25519")};
    const auto public_key = public_key_of(key);
    if (public_key.empty())
        return false;
    const receiver any{std::move(key), {}};
    const std::vector<std::uint8_t> not_sealed(2 * tag_size);
    for (const auto aead : {ech::aead_aes_128_gcm, ech::aead_aes_256_gcm, ech::aead_chacha20_poly1305}) {
        const auto made = any.set_up({ech::kdf_hkdf_sha256, aead}, public_key);
        if (!made || open(*made, 0, {}, not_sealed))
            return false;
    }
    return true;
}

std::optional<std::vector<std::uint8_t>> open(const context& with, std::uint64_t sequence, byte_view aad,
                                              byte_view ciphertext) {
    if (ciphertext.size() < tag_size)
        return std::nullopt;
    auto nonce = with.base_nonce;
    for (std::size_t i = 0; i < sizeof sequence; ++i)
        nonce[nonce.size() - 1 - i] ^= static_cast<std::uint8_t>(sequence >> 8 * i);
    static const std::unique_ptr<EVP_CIPHER_CTX, cipher_context_free> cipher{EVP_CIPHER_CTX_new()};
    const auto body = ciphertext.first(ciphertext.size() - tag_size);
    std::array<std::uint8_t, tag_size> tag{};
    std::ranges::copy(ciphertext.last(tag_size), tag.begin());
    std::vector<std::uint8_t> plaintext(body.size() + 1); // there is an address also where there is nothing
    int size = 0;
    // What is not authentic is not given away: the vector goes.
    if (!cipher ||
        EVP_DecryptInit_ex2(cipher.get(), cipher_of(with.aead), with.key.view().data(), nonce.data(),
                            nullptr) != 1 ||
        EVP_DecryptUpdate(cipher.get(), nullptr, &size, aad.data(), static_cast<int>(aad.size())) != 1 ||
        EVP_DecryptUpdate(cipher.get(), plaintext.data(), &size, body.data(),
                          static_cast<int>(body.size())) != 1 ||
        EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_AEAD_SET_TAG, tag_size, tag.data()) != 1 ||
        EVP_DecryptFinal_ex(cipher.get(), plaintext.data(), &size) != 1)
        return std::nullopt;
    plaintext.resize(body.size());
    return plaintext;
}

} // namespace snipass::ech_keys
