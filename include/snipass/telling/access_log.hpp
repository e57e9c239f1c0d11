// SPDX-License-Identifier: BSL-1.0
// access_log: one worker's session lines, gathered and handed to the log in batches.
#pragma once

#include "snipass/config/configuration.hpp"
#include "snipass/net/event_loop.hpp"
#include "snipass/telling/fault_limit.hpp"
#include "snipass/telling/line_limit.hpp"
#include "snipass/telling/log.hpp"
#include "snipass/telling/record.hpp"

#include <string>

namespace snipass::server {

// access_log costs a session the formatting of its line; the log's lock and the wake-up of its thread are
// paid once a batch. A line is written at most a tenth of a second after its session ended.
//
// One source could fill the disk with clients that nobody serves. Of those it gets `refused_lines` a second;
// an event tells how many more there were. What is wrong with a backend, or with this machine, has as many
// lines of its own, so that no stranger uses them up with what is none of its business.
class access_log final : private net::alarm {
  public:
    static constexpr std::size_t refused_lines = 10;
    static constexpr std::size_t faults_at_once = 100; // that have so many each in one second

    access_log(net::event_loop& loop, log& target);
    ~access_log();

    // configure: `share` is how many lines of refused clients one source, and one fault, gets here, at least
    // 1.
    void configure(const config::log_settings& settings, std::size_t share = refused_lines);
    void add(record& one); // at the session's end, unless its duration is set already
    void flush();

  private:
    void expire() override { flush(); }
    void write(record& one);
    void append(const record& one, config::log_level level);
    [[nodiscard]] bool may_write(const record& one);

    net::event_loop& loop_;
    log& target_;
    config::log_settings settings_;
    log_target to_ = log_target::standard_error;
    line_limit refused_;
    fault_limit faults_{refused_lines, faults_at_once* refused_lines};
    std::string lines_;
};

} // namespace snipass::server
