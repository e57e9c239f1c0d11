// SPDX-License-Identifier: BSL-1.0
// access_log: one worker's session lines, gathered and handed to the log in batches.
#pragma once

#include "snipass/config/configuration.hpp"
#include "snipass/net/event_loop.hpp"
#include "snipass/telling/log.hpp"
#include "snipass/telling/record.hpp"

#include <string>

namespace snipass::server {

// access_log costs a session the formatting of its line; the log's lock and the wake-up of its thread are
// paid once a batch. A line is written at most a tenth of a second after its session ended.
class access_log final : private net::alarm {
  public:
    access_log(net::event_loop& loop, log& target) : loop_(loop), target_(target) {}
    ~access_log() { flush(); }

    void configure(const config::log_settings& settings) noexcept { settings_ = settings; }
    void add(const record& one);
    void flush();

  private:
    void expire() override { flush(); }

    net::event_loop& loop_;
    log& target_;
    config::log_settings settings_;
    std::string lines_;
};

} // namespace snipass::server
