// SPDX-License-Identifier: BSL-1.0
// role: which program of the house a process is.
#pragma once

#include "snipass/config/parse.hpp"
#include "snipass/operating/certificate_state.hpp"
#include "snipass/process/sandbox.hpp"
#include "snipass/session/terminator.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace snipass::server {

// What a role has made of a file.
struct prepared {
    config::parsed parsed;
    std::shared_ptr<server::terminator> terminator{}; // null in the router, and where the file is not used
    std::vector<std::string> changes{};               // config::changes, at a reload
    // Those that the terminator serves; none: it is the router, which has none.
    std::optional<std::vector<certificate_state>> certificates{};
};

// role is what differs between programs that have the same daemon. This one is the router's. It outlives the
// daemon, and the thread that reads the file.
class role {
  public:
    role() = default;
    virtual ~role() = default;

    std::string_view version; // of the program; a literal
    role(const role&) = delete;
    role& operator=(const role&) = delete;

    // prepare reads the file, on whatever thread it is called, and makes of it what new sessions need.
    [[nodiscard]] virtual prepared prepare(const std::string& file);

    // confine is what the role needs from then on, besides what the file says.
    [[nodiscard]] virtual confinement confine(const config::configuration& configuration) const;

    // takes_nobody_new is called, on the thread that the process began with, when a stop has closed all
    // listeners. True: the service manager is not this process's to talk to any more.
    [[nodiscard]] virtual bool takes_nobody_new() { return false; }

    // hide_users: what users are looked up in, this process may not read any more. Not while a file is read.
    void hide_users() noexcept { users_are_hidden_ = true; }

  protected:
    // load is config::load() with the users that this process can see. What the C library makes of files that
    // it may not read depends on its modules: some would say that there is no such user.
    [[nodiscard]] config::parsed load(const std::string& file, config::part which) const;

  private:
    bool users_are_hidden_ = false;
};

} // namespace snipass::server
