// SPDX-License-Identifier: BSL-1.0
// listener_opener: from the [[listener]] entries of a file to listening sockets.
#pragma once

#include "snipass/config/configuration.hpp"
#include "snipass/os/systemd.hpp"
#include "snipass/process/listener.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace snipass::server {

// What opening came to: for each worker its sockets, or what went wrong with which listener, all of them.
struct opened_listeners {
    struct bound {
        std::string listener; // as written
        std::string address;  // as bound: with port 0 the port that the kernel chose
    };

    std::vector<std::vector<listener_socket>> by_worker; // empty if there is a problem
    std::vector<bound> bound_addresses;
    std::vector<std::string> problems;
};

// listener_opener keeps what systemd passed, so that a listener can come and go with reloads.
class listener_opener {
  public:
    explicit listener_opener(std::vector<os::passed_socket> passed) : passed_(std::move(passed)) {}

    // An address on which another process listens is a problem: SO_REUSEPORT would share its clients without
    // a word. That is not looked for where a socket of our own has the address or overlaps with it. open
    // makes one socket a worker for each of `wanted`: our own ones share their address by SO_REUSEPORT, lent
    // ones and those for handoffs are duplicated. If there is any problem, all that was opened is closed
    // again.
    [[nodiscard]] opened_listeners open(const std::vector<config::listener_settings>& wanted,
                                        unsigned workers);

    // change_modes gives the files of handoff listeners that are open already the modes of `now`. It returns
    // what went wrong.
    [[nodiscard]] static std::vector<std::string>
    change_modes(const std::vector<config::listener_settings>& before,
                 const std::vector<config::listener_settings>& now);

    // keep: only the sockets of these are still in use.
    void keep(const std::vector<config::listener_settings>& in_use);

  private:
    // An address that sockets of our own have, or have had until a moment ago: a listener serves its backlog
    // before it closes.
    struct own_address {
        std::string listener; // as written
        ip_endpoint endpoint;
        std::optional<std::chrono::steady_clock::time_point> closed_by; // none: it is in use
    };

    void open_own(const config::listener_settings& one, opened_listeners& to);
    static void open_handoff(const config::listener_settings& one, opened_listeners& to);
    [[nodiscard]] bool is_ours(const ip_endpoint& address) const;
    [[nodiscard]] std::string holder_of(const ip_endpoint& address) const;
    void lend(const config::listener_settings& one, opened_listeners& to);

    std::vector<os::passed_socket> passed_;
    std::vector<own_address> own_;
};

} // namespace snipass::server
