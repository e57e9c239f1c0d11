// SPDX-License-Identifier: BSL-1.0
// leaving: what a router that stops leaves to the next.
#pragma once

#include "snipass/backends/address_book.hpp"
#include "snipass/process/service_manager.hpp"
#include "snipass/process/worker_pool.hpp"
#include "snipass/telling/log.hpp"
#include "snipass/upgrade/state.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <string_view>
#include <vector>

namespace snipass::server {

// The name that the service manager keeps it by, as one descriptor (os::queue_descriptors): behind it is a
// memfd with the state (docs/upgrade.md), then the listeners' sockets, then the clients'.
inline constexpr std::string_view state_name = "snipass-state";

// leaving gives the service manager the listeners of our own, with their backlogs, all clients, and what is
// known and counted, for the next process. Those that are on their way to a backend are taken back first, for
// which they have a moment. The workers stand still while it is done. Of the thread that runs `io`.
class leaving {
  public:
    explicit leaving(boost::asio::io_context& io) : timer_(io) {}

    // begin: the first four outlive it. It calls done(true) when all is gone here, or done(false) when
    // nothing has changed: the log says why, where the manager keeps descriptors.
    void begin(worker_pool& workers, const address_book& book, service_manager& manager, log& to,
               std::vector<upgrade::drain> drained, std::function<void(bool)> done);

  private:
    void try_to_move();
    void end(const error_code& problem);
    [[nodiscard]] error_code move();
    [[nodiscard]] error_code store();

    boost::asio::steady_timer timer_;
    worker_pool* workers_ = nullptr;
    const address_book* book_ = nullptr;
    service_manager* manager_ = nullptr;
    log* log_ = nullptr;
    std::function<void(bool)> done_;
    std::chrono::steady_clock::time_point latest_;
    unsigned turns_ = 0; // that the workers have had since

    // What goes along: the state, and descriptors that are the workers' own.
    upgrade::state state_; // without the relays, which the workers describe
    std::size_t relayed_ = 0;
    std::vector<int> listeners_;
    std::vector<int> clients_;
};

} // namespace snipass::server
