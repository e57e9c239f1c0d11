// SPDX-License-Identifier: BSL-1.0
// wire: what OpenSSL reads from and writes to.
#pragma once

#include "snipass/base/result.hpp"

#include <openssl/bio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace snipass::terminate {

// wire is a BIO over a client's socket that never blocks, whatever the socket's flags say, and, while it is
// exact, takes no byte out of it behind the record that OpenSSL is reading. What comes behind the handshake
// thus is where whoever has the socket next looks for it, and a look at any time tells whether a record was
// begun.
//
// Once it streams, it takes all that OpenSSL has to say, and keeps what the socket has no room for: a record
// that OpenSSL could not end would be in the way of what it answers to a client's key update, and fail the
// connection. Whoever writes asks first whether something is kept, so that it is a record and some answers at
// most.
class wire {
  public:
    explicit wire(int client) noexcept : client_(client) {}
    wire(const wire&) = delete;
    wire& operator=(const wire&) = delete;

    // bio is a new BIO over this wire, which outlives it; the caller frees it, as SSL_free() does.
    [[nodiscard]] BIO* bio();

    // stop refuses to begin another record: the handshake is over.
    void stop() noexcept { may_begin_ = false; }

    // In between begin_step and end_step, and while it is exact, it looks into the socket with `room`, and
    // takes out at the end what OpenSSL has read of that. A handshake may come in records of a byte each, and
    // each would be two system calls. It looks no more than most_looks times: whoever sends as fast as it can
    // would keep OpenSSL for ever.
    static constexpr unsigned most_looks = 8;
    void begin_step(std::span<std::uint8_t> room) noexcept {
        room_ = room;
        looks_left_ = most_looks;
    }
    void end_step();

    // stream reads as much as is asked for from now on: nobody else will read this socket. But it reads once
    // for each may_read: whoever sends records without a word in them, as fast as it can, would keep OpenSSL
    // for ever.
    void stream() noexcept { is_exact_ = false; }
    void may_read() noexcept { reads_left_ = 1; }

    // unsent is how much is kept. flush sends of it what there is room for. mute: nothing more is sent,
    // because the end was said.
    [[nodiscard]] std::size_t unsent() const noexcept { return kept_.size(); }
    void flush();
    void mute() noexcept { is_mute_ = true; }

    // is_at_boundary: no record was begun that has not been read to its end.
    [[nodiscard]] bool is_at_boundary() const noexcept { return in_head_ == 0 && left_ == 0; }
    [[nodiscard]] std::size_t refused() const noexcept { return refused_; } // reads behind stop()

    // is_dry: the last read found the socket empty.
    [[nodiscard]] bool is_dry() const noexcept { return is_dry_; }
    [[nodiscard]] bool has_ended() const noexcept { return ended_; }              // the client's FIN was read
    [[nodiscard]] const error_code& problem() const noexcept { return problem_; } // of the socket

    // last_nonce: the first bytes of the last record sent, while the wire is exact. In TLS 1.2 with AES-GCM
    // that is the explicit part of its nonce (RFC 5288, section 3).
    using nonce = std::array<std::uint8_t, 8>;
    [[nodiscard]] const nonce& last_nonce() const noexcept { return nonce_; }

    // What the BIO's functions do: as recv(2) and send(2); a result of -1 without a problem() is "later".
    [[nodiscard]] int read(std::span<std::uint8_t> to);
    [[nodiscard]] int write(std::span<const std::uint8_t> from);

  private:
    static constexpr std::size_t head_size = 5; // type, version, length (RFC 8446, section 5.1)
    using head = std::array<std::uint8_t, head_size>;

    [[nodiscard]] int receive(std::span<std::uint8_t> to, int flags);
    [[nodiscard]] int read_exactly(std::span<std::uint8_t> to);
    [[nodiscard]] int look(std::span<std::uint8_t> to);
    void take_out();
    [[nodiscard]] int keep(std::span<const std::uint8_t> from);
    [[nodiscard]] std::size_t send(std::span<const std::uint8_t> from);
    void count(std::span<const std::uint8_t> taken) noexcept;
    void note(std::span<const std::uint8_t> sent) noexcept;

    int client_;
    bool is_exact_ = true;
    bool may_begin_ = true;
    bool is_mute_ = false;
    bool is_dry_ = false;
    bool ended_ = false;
    unsigned reads_left_ = 0;
    std::span<std::uint8_t> room_; // for looks
    unsigned looks_left_ = 0;
    std::size_t seen_ = 0;  // of the last one
    std::size_t taken_ = 0; // of that, by OpenSSL
    std::vector<std::uint8_t> kept_;
    head head_{};
    std::size_t in_head_ = 0; // bytes of the record's head that were read
    std::size_t left_ = 0;    // and of its body that were not
    head sent_head_{};
    std::size_t sent_ = 0; // bytes of the record under way, its head included
    nonce nonce_{};
    std::size_t refused_ = 0;
    error_code problem_;
};

} // namespace snipass::terminate
