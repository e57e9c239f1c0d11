// SPDX-License-Identifier: BSL-1.0
// listener_opener: from the [[listener]] entries of a file to listening sockets.
#pragma once

#include "snipass/config/configuration.hpp"
#include "snipass/os/systemd.hpp"
#include "snipass/os/unix_socket.hpp"
#include "snipass/process/inherited_sockets.hpp"
#include "snipass/process/listener.hpp"

#include <map>
#include <memory>
#include <string>
#include <utility>
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
//
// One address has one socket, which the workers share: each has a descriptor of its own of it.
// (os::listen_tcp says why there is not a socket for each.) An address within another of the file,
// "192.0.2.1:443" beside "[::]:443", has none: the wider one's takes its clients too (process/listener).
class listener_opener {
  public:
    explicit listener_opener(os::passed_sockets passed) : passed_(std::move(passed)) {}

    // inherit takes a socket that the process before had, for the first open() that has use for it. It is
    // closed by keep().
    void inherit(const upgrade::listener& known, os::unique_fd fd) { inherited_.add(known, std::move(fd)); }

    // open makes sockets for those of `wanted` that have none: `wanted` is all that a file says. A unix
    // socket whose file somebody has removed is none. If there is any problem, all that was opened is closed
    // again.
    [[nodiscard]] opened_listeners open(const std::vector<config::listener_settings>& wanted,
                                        unsigned workers);

    // keep: what was opened for these, last time and before, is in use from now on; nothing else is.
    void keep(const std::vector<config::listener_settings>& in_use);

    // unnamed is what to tell of sockets that systemd passed and no listener in use names: their clients wait
    // for nobody. Each is told once, until it was named again. So is why none was taken of those that there
    // are.
    [[nodiscard]] std::vector<std::string> unnamed();

    // change_modes gives the files of handoff listeners that are open already the modes of `now`. It returns
    // what went wrong.
    [[nodiscard]] static std::vector<std::string>
    change_modes(const std::vector<config::listener_settings>& before,
                 const std::vector<config::listener_settings>& now);

  private:
    // A socket of our own, for as long as a worker has it: also one that is being closed, after its backlog
    // was served.
    struct own_socket {
        ip_endpoint endpoint;
        unsigned interface = 0; // of a link-local address
        std::weak_ptr<const os::unique_fd> origin;
    };

    void check_within(const config::listener_settings& one, opened_listeners& to);
    void open_own(const config::listener_settings& one, opened_listeners& to);
    [[nodiscard]] result<std::shared_ptr<const os::unique_fd>>
    own(const config::listener_settings& of, const ip_endpoint& endpoint, unsigned interface);
    [[nodiscard]] bool is_open(const config::listener_settings& one) const;
    void open_handoff(const config::listener_settings& one, opened_listeners& to) const;
    void lend(const config::listener_settings& one, opened_listeners& to);
    [[nodiscard]] std::string why_not(const config::listener_settings& one, const ip_endpoint& address,
                                      const error_code& ec) const;
    [[nodiscard]] std::string holder_of(const ip_endpoint& address) const;

    os::passed_sockets passed_;
    std::vector<own_socket> own_;
    inherited_sockets inherited_;
    std::map<std::string, os::file_id> files_; // of the unix sockets in use, by their paths
    std::vector<std::string> open_;            // listeners in use that have sockets, as written
    std::vector<std::string> used_;            // names of systemd's that listeners in use have
    std::vector<std::string> told_;            // of the others
    bool told_problem_ = false;                // of passed_
};

} // namespace snipass::server
