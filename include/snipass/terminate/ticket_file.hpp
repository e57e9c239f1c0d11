// SPDX-License-Identifier: BSL-1.0
// ticket_file: where ticket keys outlive a process.
#pragma once

#include "snipass/base/result.hpp"
#include "snipass/os/unique_fd.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace snipass::terminate {

// ticket_key seals tickets: AES-256-CBC and HMAC-SHA-256.
struct ticket_key {
    std::array<std::uint8_t, 16> name;
    std::array<std::uint8_t, 32> cipher;
    std::array<std::uint8_t, 32> mac;
};

// ticket_ring is the keys of one time: the next one, the one that seals, and the one before it. It is
// cleansed when it goes.
struct ticket_ring {
    using clock = std::chrono::system_clock; // another process, or another boot, reads it

    std::array<ticket_key, 3> keys{};
    clock::time_point moved{}; // when they last moved on, to a second

    ticket_ring() = default;
    ticket_ring(const ticket_ring&) = default;
    ticket_ring& operator=(const ticket_ring&) = default;
    ~ticket_ring();
};

// ticket_file is open from before the process is confined until its end: the process can read and write this
// file then, and no other. During a restart two processes have it, so whoever changes it holds its lock.
class ticket_file {
  public:
    ticket_file() = default; // none: it has nothing, and keeps nothing

    // open makes the file, or takes one that is this user's alone. EPERM: it is somebody else's, or others
    // may read it.
    [[nodiscard]] static result<ticket_file> open(const std::string& path);

    // While it lives no other process changes the file. Nobody waits for it: a process that stands still may
    // have it, and a handshake may ask. False: another one has it, and the file is to be left alone. Where
    // two change it at once, tickets of one of them do a full handshake at the other.
    class lock {
      public:
        explicit lock(const ticket_file& file);
        ~lock();
        lock(const lock&) = delete;
        lock& operator=(const lock&) = delete;
        [[nodiscard]] explicit operator bool() const noexcept { return is_ours_; }

      private:
        int fd_;
        bool is_ours_;
    };

    // read: none, there is nothing in it that a ticket_file has written.
    [[nodiscard]] std::optional<ticket_ring> read() const;
    [[nodiscard]] error_code write(const ticket_ring& ring) const; // a full disk costs resumptions, no more

  private:
    os::unique_fd fd_;
};

} // namespace snipass::terminate
