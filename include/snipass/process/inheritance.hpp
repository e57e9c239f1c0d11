// SPDX-License-Identifier: BSL-1.0
// inheritance: what the process before has left to this one.
#pragma once

#include "snipass/os/systemd.hpp"
#include "snipass/os/unique_fd.hpp"
#include "snipass/process/listener_opener.hpp"
#include "snipass/process/service_manager.hpp"
#include "snipass/process/worker_pool.hpp"
#include "snipass/telling/log.hpp"
#include "snipass/upgrade/state.hpp"

#include <vector>

namespace snipass::server {

// inheritance takes what leave() has left. Until divide() the service manager keeps it, too, and nothing is
// taken out of it: a start that fails, as over a mistake in the file, loses nobody.
class inheritance {
  public:
    // It takes what is its own out of what systemd passed.
    explicit inheritance(os::passed_sockets& passed);

    // read gives the listeners' sockets to `opener`, for those that the file still has. What cannot be read
    // is told, and closed.
    void read(log& to, listener_opener& opener);

    // drained: backends and addresses, by what was read.
    [[nodiscard]] const std::vector<upgrade::drain>& drained() const noexcept { return state_.drained; }

    // divide gives the clients to the workers, which have their configuration already. From then on they are
    // this process's alone.
    void divide(worker_pool& workers, service_manager& manager, log& to);

  private:
    void give_up(log& to, const error_code& why);
    [[nodiscard]] error_code take_state();
    [[nodiscard]] error_code take_listeners(listener_opener& opener);

    os::unique_fd queue_;
    bool is_lost_ = false; // it could not be read
    upgrade::state state_;
};

} // namespace snipass::server
