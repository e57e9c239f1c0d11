// SPDX-License-Identifier: BSL-1.0
// session: one client, from accept to outcome.
#pragma once

#include "snipass/context/context.hpp"
#include "snipass/net/task.hpp"
#include "snipass/os/tcp.hpp"
#include "snipass/session/passed_client.hpp"

#include <memory>

namespace snipass::server {

// serve is the whole life of a session. `listener` is one of the snapshot's. It never throws; its outcome
// is told, and counted.
[[nodiscard]] net::task<> serve(context& thread, std::shared_ptr<configuration_snapshot> snapshot,
                                const config::listener_settings& listener, os::accepted client);
[[nodiscard]] net::task<> serve(context& thread, std::shared_ptr<configuration_snapshot> snapshot,
                                const config::listener_settings& listener, passed_client client);
// Of one that another process had, or this one before it wanted to leave: what was said is said again.
[[nodiscard]] net::task<> serve(context& thread, std::shared_ptr<configuration_snapshot> snapshot,
                                const config::listener_settings& listener, moved_client client);

} // namespace snipass::server
