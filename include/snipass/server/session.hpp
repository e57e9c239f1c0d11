// session: one client, from accept to outcome.
#pragma once

#include "snipass/net/fd_watch.hpp"
#include "snipass/os/tcp.hpp"
#include "snipass/server/generation.hpp"

#include <memory>

namespace snipass::server {

class worker;

// serve is the whole life of a session. `listener` is one of the generation's. It never throws; its outcome
// is told to the worker.
[[nodiscard]] net::task<> serve(worker& owner, std::shared_ptr<generation> site,
                                const config::listener_settings& listener, os::accepted client);

} // namespace snipass::server
