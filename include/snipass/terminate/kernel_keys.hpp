// SPDX-License-Identifier: BSL-1.0
// kernel_keys: what the kernel needs to go on with a connection whose handshake OpenSSL has done.
#pragma once

#include "snipass/base/bytes.hpp"

#include <openssl/ssl.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace snipass::terminate {

// secret is a few bytes that are overwritten when nobody needs them any more.
class secret {
  public:
    secret() = default;
    secret(const secret&) = default;
    secret& operator=(const secret&) = default;
    ~secret();

    void append(byte_view bytes); // 64 bytes at most, all in all
    [[nodiscard]] byte_view bytes() const noexcept { return byte_view{bytes_}.first(size_); }

  private:
    std::array<std::uint8_t, 64> bytes_{};
    std::size_t size_ = 0;
};

// What was seen of a handshake that OpenSSL does not tell afterwards.
struct handshake_notes {
    secret client_traffic; // of TLS 1.3: CLIENT_TRAFFIC_SECRET_0 (RFC 8446, section 7.1)
    secret server_traffic;
    std::uint64_t records_sent = 0;      // under the keys that the kernel is to go on with
    bool uses_last_keys = false;         // what is sent from now on is
    std::array<std::uint8_t, 8> nonce{}; // of the last record sent: its explicit part (RFC 5288, section 3)
};

// Each is a `struct tls12_crypto_info_...` of linux/tls.h, as setsockopt(2) takes it for TLS_RX and TLS_TX.
struct kernel_keys {
    secret receive;
    secret send;
};

// derive_keys is for a connection whose handshake is done. nullopt: the kernel does not know the cipher.
[[nodiscard]] std::optional<kernel_keys> derive_keys(const SSL& ssl, const handshake_notes& seen);

} // namespace snipass::terminate
