// SPDX-License-Identifier: BSL-1.0
// inheritance: what the process before has left to this one.
#pragma once

#include "snipass/os/systemd.hpp"
#include "snipass/os/unique_fd.hpp"
#include "snipass/process/listener_opener.hpp"
#include "snipass/process/service_manager.hpp"
#include "snipass/process/worker_pool.hpp"
#include "snipass/telling/log.hpp"
#include "snipass/upgrade/form.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
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

    // known is what was read, but for relays, until divide(); clients are how many go on.
    [[nodiscard]] const upgrade::state& known() const noexcept { return state_.all; }
    [[nodiscard]] std::size_t clients() const noexcept {
        return state_.relays.size() + state_.all.waiting.size();
    }

    // divide gives the clients to the workers, which have their configuration already. From then on they are
    // this process's alone.
    void divide(worker_pool& workers, service_manager& manager, log& to);

  private:
    void give_up(log& to, const error_code& why);
    [[nodiscard]] error_code take_state();
    [[nodiscard]] error_code take_listeners(listener_opener& opener);
    [[nodiscard]] error_code take_clients();
    [[nodiscard]] error_code take_clients_again();
    [[nodiscard]] std::size_t descriptors_of_clients() const noexcept;
    void hand_out(worker_pool& workers);

    os::unique_fd queue_;
    bool is_lost_ = false;                                   // it could not be read
    std::shared_ptr<const std::vector<std::uint8_t>> bytes_; // of the state
    upgrade::scanned state_;
    std::vector<os::unique_fd> clients_; // their descriptors
};

} // namespace snipass::server
