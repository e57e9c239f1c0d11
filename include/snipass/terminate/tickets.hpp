// SPDX-License-Identifier: BSL-1.0
// ticket_keys: what session tickets are sealed with.
#pragma once

#include <openssl/ssl.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>

namespace snipass::terminate {

// ticket_keys are all workers': whoever comes back meets another one. There are three: the next one, the one
// that seals, and the one before it, which still opens. They move on every twelve hours, so a ticket is good
// for twelve hours at least, and nobody who finds the keys can open what was said a day and a half before
// (RFC 8446, section 8.1, RFC 5077, section 5.5). All that is known of a session is in its ticket.
class ticket_keys {
  public:
    using clock = std::chrono::steady_clock;
    static constexpr std::chrono::hours lifetime{12};

    struct key {
        std::array<std::uint8_t, 16> name;
        std::array<std::uint8_t, 32> cipher; // AES-256-CBC
        std::array<std::uint8_t, 32> mac;    // HMAC-SHA-256
    };

    explicit ticket_keys(clock::time_point now = clock::now());
    ~ticket_keys();
    ticket_keys(const ticket_keys&) = delete;
    ticket_keys& operator=(const ticket_keys&) = delete;

    // sealing is the key for a new ticket. opening is the one that a ticket names; nullopt: it is none of
    // ours.
    [[nodiscard]] key sealing(clock::time_point now = clock::now());
    [[nodiscard]] std::optional<key> opening(std::span<const std::uint8_t, 16> name,
                                             clock::time_point now = clock::now());

    // serve makes `context` seal and open its tickets with these keys, which outlive it.
    void serve(SSL_CTX& context);

  private:
    void move_on(clock::time_point now);

    std::mutex mutex_; // held for a copy of a key
    std::array<key, 3> keys_;
    clock::time_point moved_;
};

} // namespace snipass::terminate
