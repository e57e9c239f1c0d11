// SPDX-License-Identifier: BSL-1.0
// config_reader: the configuration's file is read on a thread of its own.
#pragma once

#include "snipass/process/role.hpp"

#include <functional>
#include <memory>
#include <string>
#include <thread>

namespace snipass::server {

// config_reader: a million names take seconds, and so does a file on a network. Meanwhile the daemon's thread
// answers signals and feeds the watchdog.
class config_reader {
  public:
    // `role`, and all that it needs, outlive the thread.
    explicit config_reader(role& role) noexcept : role_(role) {}
    ~config_reader();
    config_reader(const config_reader&) = delete;
    config_reader& operator=(const config_reader&) = delete;

    // read calls `done` on the reader's thread once there is something to take(): what role::prepare came to,
    // and how that differs from what was in use before (null: nothing). Where `done` has no memory it is
    // called again after a while. One file at a time. It throws what std::thread does; then nothing is read.
    void read(std::string file, std::shared_ptr<const config::configuration> before,
              std::function<void()> done);
    [[nodiscard]] prepared take();

    // join: once `done` was called, the thread is gone when this returns.
    void join();

    // forget: `done` is not called any more, once this has returned.
    void forget();

    // is_reading: the thread is at work, and nothing can stop it. A process that ends all the same must not
    // run what exit(3) does: it would destroy things that the thread uses.
    [[nodiscard]] bool is_reading() const;

  private:
    struct state;
    role& role_;
    std::shared_ptr<state> state_; // the thread's, too
    std::thread thread_;
};

} // namespace snipass::server
