// SPDX-License-Identifier: BSL-1.0
// daemon: the process: signals, reloads, the service manager, and the workers.
#pragma once

#include "snipass/process/role.hpp"

#include <string>

namespace snipass::server {

// run_daemon serves what `file` says until SIGTERM or SIGINT and returns the process's exit status: 0; 1 if a
// listener could not be opened; 2 if there is a mistake in the file, and it says so on standard error. It
// reads the file again on SIGHUP.
//
// Signals, which os::hold_signals has kept until now: SIGHUP reloads; SIGUSR1 logs the counters; SIGINT stops
// accepting and returns once nothing is in flight, after drain_timeout at the latest; a second one returns at
// once. SIGTERM does so where the service manager keeps no descriptors; else it leaves all to the next process. SIGHUP and SIGUSR1 are answered once it serves, SIGTERM and SIGINT also before.
//
// `role` outlives the process's threads: the one that reads the file may be at work when this returns.
[[nodiscard]] int run_daemon(const std::string& file, role& role);

} // namespace snipass::server
