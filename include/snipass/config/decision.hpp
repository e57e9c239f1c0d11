// SPDX-License-Identifier: BSL-1.0
// decision: what becomes of a client, from what its hello said and what the file says. The whole policy in
// one pure function.
#pragma once

#include "snipass/base/host_name.hpp"
#include "snipass/config/configuration.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace snipass::config {

// hello_kind is what the client's first bytes turned out to be.
enum class hello_kind {
    with_name,    // a ClientHello with a server_name, or a request with a Host, be it a host name or not
    without_name, // one without
    malformed,    // TLS, but nothing that a TLS stack would accept; or a request that no server should read
    foreign,      // another protocol than the listener's
};

// match_kind says why a client went where it went.
enum class match_kind : std::uint8_t {
    exact,
    wildcard,
    regex,
    conditions, // a route without names
    no_route,   // a name that no route has, or that is no host name
    no_server_name,
    malformed,
    not_tls,
    no_host,  // HTTP: a request without a Host
    not_http, // on a listener for HTTP
};

[[nodiscard]] std::string_view to_string(match_kind match) noexcept;

struct decision {
    match_kind match = match_kind::no_route;
    std::optional<std::size_t> route;   // index into configuration::routes, if one won
    std::optional<std::size_t> backend; // index into configuration::backends; none: refuse
    policy refusal = policy::close;     // how it ends, where there is no backend
    std::uint16_t status = 0;           // of an HTTP answer, where nothing better is known
};

// decide. `name` is the host name for with_name, nullopt if what was sent is none (an IP literal, odd
// characters). A request whose path would have to be compared, and has no normal form, is malformed.
[[nodiscard]] decision decide(const configuration& configuration, const listener_settings& listener,
                              hello_kind hello, const std::optional<host_name>& name,
                              const route::client_facts& client);

// may_have: nobody is redirected to a host that no route has, whatever it says its host is. Only a route
// without names (`how` it won) can be asked for one.
[[nodiscard]] bool may_have(const configuration& configuration, std::size_t route, route::pattern_kind how,
                            const std::optional<host_name>& name);

// decide_unmatched is that for a client that no route takes.
[[nodiscard]] decision decide_unmatched(const configuration& configuration, const listener_settings& listener,
                                        hello_kind hello);

} // namespace snipass::config
