// SPDX-License-Identifier: BSL-1.0
// HPKE (RFC 9180), as far as Encrypted ClientHello needs it: the receiver's end of mode base, with
// DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and each of the three AEADs, over OpenSSL's primitives. For one
// thread: what OpenSSL needs besides a key is made once for all.
#pragma once

#include "snipass/base/bytes.hpp"
#include "snipass/ech/config_list.hpp"
#include "snipass/ech/messages.hpp"

#include <openssl/evp.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace snipass::ech_keys {

inline constexpr std::size_t x25519_size = 32;

struct key_free {
    void operator()(EVP_PKEY* one) const noexcept { EVP_PKEY_free(one); }
};
using private_key = std::unique_ptr<EVP_PKEY, key_free>;

// public_key_of is empty for a key that is not X25519's.
[[nodiscard]] std::vector<std::uint8_t> public_key_of(const private_key& key);

// secret_bytes are cleansed with it.
class secret_bytes {
  public:
    explicit secret_bytes(std::size_t size = 0) : bytes_(size) {}
    secret_bytes(secret_bytes&&) = default;
    secret_bytes& operator=(secret_bytes&&) = delete;
    ~secret_bytes();

    [[nodiscard]] std::uint8_t* data() noexcept { return bytes_.data(); }
    [[nodiscard]] byte_view view() const noexcept { return bytes_; }

  private:
    std::vector<std::uint8_t> bytes_;
};

// context is one message's (section 5.1): an AEAD key and a base nonce that open nothing else.
struct context {
    std::uint16_t aead = 0;
    secret_bytes key;
    std::array<std::uint8_t, ech::nonce_size> base_nonce{};
};

// receiver is a private key that stays loaded: loading it costs more than an exchange does.
class receiver {
  public:
    // `info` is what both ends bind the context to. The key is X25519's.
    receiver(private_key key, std::vector<std::uint8_t> info);

    // set_up is SetupBaseR (section 5.1.1). nullopt: `enc` is no public key of any use, the suite is not
    // supported, or there was no memory.
    [[nodiscard]] std::optional<context> set_up(const ech::cipher_suite& suite, byte_view enc) const;

  private:
    [[nodiscard]] std::optional<secret_bytes> shared_secret(byte_view enc) const;

    private_key key_;
    std::vector<std::uint8_t> public_key_;
    std::vector<std::uint8_t> info_;
};

// is_available: OpenSSL has all of this. From then on it reads no file any more (its configuration, say).
[[nodiscard]] bool is_available();

// open is ContextR.Open (section 5.2) with the sequence number `sequence`. nullopt: it is not what was
// sealed.
[[nodiscard]] std::optional<std::vector<std::uint8_t>> open(const context& with, std::uint64_t sequence,
                                                            byte_view aad, byte_view ciphertext);

} // namespace snipass::ech_keys
