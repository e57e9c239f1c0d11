// SPDX-License-Identifier: BSL-1.0
// retired_configurations: those that reloads have replaced, until nobody uses them.
#pragma once

#include "snipass/config/configuration.hpp"
#include "snipass/os/limits.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <vector>

namespace snipass::server {

// Sessions keep the configuration they began with. The last holder is to be the daemon's thread: a table of a
// million names takes a while to free, and no worker is to spend that while its clients wait.
class retired_configurations {
  public:
    explicit retired_configurations(boost::asio::io_context& io) : timer_(io) {}

    void add(std::shared_ptr<const config::configuration> one) {
        all_.push_back(std::move(one));
        look();
    }

  private:
    void look() {
        const auto gone = std::erase_if(all_, [](const auto& one) { return one.use_count() == 1; });
        if (gone > 0)
            os::give_back_memory(); // else each reload of a large table would take more
        if (all_.empty())
            return;
        timer_.expires_after(std::chrono::seconds{1});
        timer_.async_wait([this](const boost::system::error_code& ec) {
            if (!ec)
                look();
        });
    }

    boost::asio::steady_timer timer_;
    std::vector<std::shared_ptr<const config::configuration>> all_;
};

} // namespace snipass::server
