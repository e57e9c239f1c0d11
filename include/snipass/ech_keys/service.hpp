// SPDX-License-Identifier: BSL-1.0
// service: what snipass-ech does. It has the private keys and opens hellos for the router; it speaks no TLS,
// reads no hello, and gives nothing away but what was encrypted, and the key of that one connection.
#pragma once

#include "snipass/base/result.hpp"
#include "snipass/ech/messages.hpp"
#include "snipass/ech_keys/key_files.hpp"
#include "snipass/os/unique_fd.hpp"

#include <poll.h>

#include <chrono>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <vector>

namespace snipass::ech_keys {

// service owns its listener and its connections. One thread: each connection's questions are answered in
// their order, one of each connection in turn. A connection that breaks the rules, or of somebody who may not
// ask, is closed; those that it had asked ask again.
class service {
  public:
    // `allowed` may connect besides root and this process's user.
    service(os::unique_fd listener, std::vector<std::uint32_t> allowed);

    // use takes other keys from now on, and tells everybody who is connected. Of a key that stays, the
    // openings are counted on.
    void use(std::vector<key_pair> keys);

    // serve waits until there is something to do, and does it. It returns once `signals` is readable (a
    // descriptor of the caller's), or at `until`. An error: what poll(2) said.
    [[nodiscard]] error_code serve(int signals, std::chrono::steady_clock::time_point until);

    [[nodiscard]] std::size_t key_count() const noexcept { return keys_.size(); }

  private:
    struct kept_key {
        receiver with;
        std::vector<std::uint8_t> config;
        ech::known_config known;
    };
    struct connection {
        os::unique_fd fd;
        std::vector<std::uint8_t> unsent{}; // an answer that had no room
    };

    void accept_all();
    // Each says whether the connection goes on.
    [[nodiscard]] bool answer_one(connection& from);
    [[nodiscard]] bool send(connection& to, std::vector<std::uint8_t> packet);
    [[nodiscard]] bool send_rest(connection& to);
    [[nodiscard]] std::vector<std::uint8_t> greeting() const;
    [[nodiscard]] kept_key* find(const ech::question& asked);
    void reply(const ech::question& asked, std::vector<std::uint8_t>& packet);

    os::unique_fd listener_;
    std::vector<std::uint32_t> allowed_;
    std::list<connection> connections_;
    std::vector<kept_key> keys_;
    std::vector<std::uint8_t> packet_;
};

} // namespace snipass::ech_keys
