// SPDX-License-Identifier: BSL-1.0
// passed_client: a client that another router handed to this one, and what is known of it.
#pragma once

#include "snipass/base/ip_address.hpp"
#include "snipass/net/event_loop.hpp"
#include "snipass/os/unique_fd.hpp"
#include "snipass/proxy_protocol/header.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace snipass::server {

struct passed_client {
    os::unique_fd fd;
    ip_endpoint client;
    std::optional<ip_endpoint> via;              // the socket's peer, where it is not the client
    std::optional<ip_endpoint> local;            // what the client connected to, if the router said so
    std::optional<proxy_protocol::unique_id> id; // the router's
    std::vector<std::uint8_t> consumed; // the client's first bytes, if they are no longer in its socket
    std::string host_name;              // by which the router has routed it; empty: by none
    net::time_point received;
};

} // namespace snipass::server
