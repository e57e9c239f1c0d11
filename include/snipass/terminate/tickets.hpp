// SPDX-License-Identifier: BSL-1.0
// ticket_keys: what session tickets are sealed with.
#pragma once

#include "snipass/terminate/ticket_file.hpp"

#include <openssl/ssl.h>

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
    using clock = ticket_ring::clock;
    using key = ticket_key;
    static constexpr std::chrono::hours lifetime{12};

    explicit ticket_keys(clock::time_point now = clock::now());
    ticket_keys(const ticket_keys&) = delete;
    ticket_keys& operator=(const ticket_keys&) = delete;

    // keep_in: what is in the file counts from now on, unless it is too old, and what is here is there.
    // EWOULDBLOCK: another process has its lock; or what write(2) says: these keys are not kept.
    [[nodiscard]] error_code keep_in(ticket_file file, clock::time_point now = clock::now());

    // sealing is the key for a new ticket. opening is the one that a ticket names; nullopt: it is none of
    // ours.
    [[nodiscard]] key sealing(clock::time_point now = clock::now());
    [[nodiscard]] std::optional<key> opening(std::span<const std::uint8_t, 16> name,
                                             clock::time_point now = clock::now());

    // serve makes `context` seal and open its tickets with these keys, which outlive it.
    void serve(SSL_CTX& context);

  private:
    void move_on(clock::time_point now);
    void rotate(clock::time_point now);

    std::mutex mutex_; // held for a copy of a key
    ticket_ring ring_;
    ticket_file file_;
};

} // namespace snipass::terminate
