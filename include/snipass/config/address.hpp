// SPDX-License-Identifier: BSL-1.0
// The three kinds of addresses in a configuration: what a listener binds, where a backend takes handoffs,
// where a proxied backend is.
#pragma once

#include "snipass/base/ip_address.hpp"
#include "snipass/config/configuration.hpp"
#include "snipass/config/written.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace snipass::config {

// Exactly one of the three is set.
struct listener_address {
    std::optional<ip_endpoint> endpoint;
    std::string systemd_name;
    std::string handoff_path = {};
    bool every_address = false;
    std::string interface = {};
};

// parse_listener_address takes "192.0.2.1:443", "[2001:db8::1]:443", "*:443" and ":443" (every address: IPv6
// and IPv4), "[fe80::1%eth0]:443" for a link-local address, "systemd:NAME", "handoff:/path",
// "handoff:systemd:NAME". Port 0 is any free port.
[[nodiscard]] written<listener_address> parse_listener_address(std::string_view text);

// parse_handoff_address takes "unix:/path", and "unix:@name" for a socket in the abstract namespace. The
// value is what stands behind "unix:".
[[nodiscard]] written<std::string> parse_handoff_address(std::string_view text);

// parse_proxy_address takes "192.0.2.1:443", "[2001:db8::1]:443", "name:443", "unix:/path", and
// "{host_name}:443" for the host that the client asks for.
[[nodiscard]] written<proxy_address> parse_proxy_address(std::string_view text);

} // namespace snipass::config
