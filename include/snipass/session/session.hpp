// session: one client, from accept to outcome.
#pragma once

#include "snipass/backends/generation.hpp"
#include "snipass/net/event_loop.hpp"
#include "snipass/net/proxy_header.hpp"
#include "snipass/os/tcp.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace snipass::server {

class worker;

// passed_client is a client that another router handed to this one, and what is known of it.
struct passed_client {
    os::unique_fd fd;
    ip_endpoint client;
    std::optional<ip_endpoint> via;     // the socket's peer, where it is not the client
    std::optional<ip_endpoint> local;   // what the client connected to, if the router said so
    std::optional<net::unique_id> id;   // the router's
    std::vector<std::uint8_t> consumed; // the client's first bytes, if they are no longer in its socket
    net::time_point received;
};

// serve is the whole life of a session. `listener` is one of the generation's. It never throws; its outcome
// is told to the worker.
[[nodiscard]] net::task<> serve(worker& owner, std::shared_ptr<generation> site,
                                const config::listener_settings& listener, os::accepted client);
[[nodiscard]] net::task<> serve(worker& owner, std::shared_ptr<generation> site,
                                const config::listener_settings& listener, passed_client client);

} // namespace snipass::server
