// SPDX-License-Identifier: BSL-1.0
// sandbox: what this process needs for its configuration, and gives up besides.
#pragma once

#include "snipass/config/configuration.hpp"
#include "snipass/os/landlock.hpp"

#include <string>
#include <vector>

namespace snipass::server {

// needs is what a process may have to do that serves `configuration`: read its folder, also at reloads; read
// what the C library reads to look up names and users, where the file has any; make the sockets of its
// listeners; connect to its backends.
[[nodiscard]] os::landlock_rules needs_of(const config::configuration& configuration);

// beyond is what `next` needs and a process confined to `allowed` may not do: one line each, for an admin. A
// sandbox that is closed cannot be opened a little.
[[nodiscard]] std::vector<std::string> beyond(const os::landlock_rules& allowed, int version,
                                              const config::configuration& next);

// sandbox is closed once, before there are other threads, and stays so.
class sandbox {
  public:
    // close confines the process to what `configuration` needs, as far as this kernel can, unless it says not
    // to.
    void close(const config::configuration& configuration);

    // what is told at the start: what is confined, or why nothing is.
    [[nodiscard]] const std::string& what() const noexcept { return what_; }

    // is_partial: it was asked for, and the kernel could not do all of it.
    [[nodiscard]] bool is_partial() const noexcept { return is_partial_; }

    // problems with a reload to `next`, see beyond().
    [[nodiscard]] std::vector<std::string> problems(const config::configuration& next) const;

  private:
    void close_files_and_ports(const config::configuration& configuration);
    void close_system_calls();
    void note(const std::string& part);
    void lack(const std::string& part);

    os::landlock_rules allowed_;
    int version_ = 0; // of Landlock; 0: it is not in force
    std::string what_ = "off";
    bool is_partial_ = false;
};

} // namespace snipass::server
