// SPDX-License-Identifier: BSL-1.0
// metrics_settings: where an admin, and what watches for one, asks how the router is.
#pragma once

#include "snipass/base/ip_address.hpp"
#include "snipass/config/position.hpp"

#include <optional>
#include <string>
#include <vector>

namespace snipass::config {

// Exactly one of endpoint and path is set.
struct metrics_address {
    std::string text; // as written
    std::optional<ip_endpoint> endpoint{};
    std::string path{};         // of a unix socket
    bool every_address = false; // "*:9145": IPv4 alone is right where the kernel has no IPv6
    position where{};

    // is_local: nobody gets there from another machine.
    [[nodiscard]] bool is_local() const;
};

struct metrics_settings {
    std::vector<metrics_address> addresses;
    std::vector<std::string> hosts; // names that it is asked for by; lower case
    bool routes = false;
    std::vector<std::string> route_names; // with `routes`: one for each [[route]], and no two alike
    position where{};
    bool is_for_router = false; // not of the file: where snipass-tls is asked
};

} // namespace snipass::config
