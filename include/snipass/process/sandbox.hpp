// SPDX-License-Identifier: BSL-1.0
// sandbox: what this process needs for its configuration, and gives up besides.
#pragma once

#include "snipass/config/parse.hpp"
#include "snipass/os/landlock.hpp"
#include "snipass/telling/log.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace snipass::server {

// needs is what a process may have to do that serves `configuration`: read its folder, also at reloads; read
// what the C library reads to look up names and users, where the file has any; make the sockets of its
// listeners; connect to its backends.
[[nodiscard]] os::landlock_rules needs_of(const config::configuration& configuration);

// beyond is what `next` needs and a process confined to `allowed` may not do, by this version of Landlock. A
// sandbox that is closed cannot be opened a little.
[[nodiscard]] std::vector<config::diagnostic> beyond(const os::landlock_rules& allowed, int version,
                                                     const config::configuration& next,
                                                     std::string_view program = "snipass");

// confinement is what a role has of its own.
struct confinement {
    std::vector<std::string> readable{};  // folders that it reads besides
    std::span<const long> system_calls{}; // all that it makes; empty: all but those that are forbidden anyway
    std::string_view program = "snipass"; // whose unit is to be restarted, where that takes more room
    bool workers_open_files = true;       // else only the other threads do
};

// sandbox is closed once, before there are other threads, and stays so.
class sandbox {
  public:
    // close confines the process to what `configuration` and its role need, as far as this kernel can, unless
    // the file says not to.
    void close(const config::configuration& configuration, const confinement& role = {});

    // tell says at the start what is confined, and why the rest is not. False: the file does without nothing.
    [[nodiscard]] bool tell(log& log) const;

    // confine_worker is called by each worker's thread at its begin.
    void confine_worker() const;

    // hides_users: no name can be looked up any more.
    [[nodiscard]] bool hides_users() const { return version_ != 0 && !allowed_.readable.contains("/etc"); }

    // problems with a reload to `next`, what was read of `file`, see beyond(). What could not be read may
    // have left its folder.
    [[nodiscard]] std::vector<config::diagnostic> problems(const std::string& file,
                                                           const config::parsed& next) const;

  private:
    void close_files_and_ports(const config::configuration& configuration,
                               const std::vector<std::string>& readable);
    void close_system_calls(std::span<const long> all);
    void try_worker();
    void note(const std::string& part);
    void lack(const std::string& part);

    os::landlock_rules allowed_;
    int version_ = 0; // of Landlock; 0: it is not in force
    std::string what_ = "off";
    std::string_view program_;
    bool is_required_ = false;
    bool workers_open_files_ = true;
    bool is_partial_ = false; // it was asked for, and could not all be done
};

} // namespace snipass::server
