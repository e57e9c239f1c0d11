// daemon: the process: signals, reloads, the service manager, and the workers.
#pragma once

#include "snipass/config/configuration.hpp"

#include <memory>

namespace snipass::server {

// run_daemon serves `configuration` until SIGTERM or SIGINT and returns the process's exit status: 0, or 1 if
// a listener could not be opened. It reads the configuration's file again on SIGHUP.
//
// Signals: SIGHUP reloads; SIGUSR1 logs the counters; SIGTERM and SIGINT stop accepting and return once
// nothing is in flight, after drain_timeout at the latest; a second one returns at once.
[[nodiscard]] int run_daemon(std::shared_ptr<const config::configuration> configuration);

} // namespace snipass::server
