// SPDX-License-Identifier: BSL-1.0
// What becomes of a client.
#include "snipass/config/decision.hpp"

namespace snipass::config {
namespace {

match_kind to_match(route::pattern_kind kind) noexcept {
    switch (kind) {
    case route::pattern_kind::exact:
        return match_kind::exact;
    case route::pattern_kind::wildcard:
        return match_kind::wildcard;
    case route::pattern_kind::regex:
        return match_kind::regex;
    case route::pattern_kind::any:
        return match_kind::conditions;
    }
    return match_kind::exact;
}

// Of a client that speaks HTTP: what it is told that no route takes (RFC 9110 sections 15.5.1, 15.5.5,
// 15.5.20).
constexpr std::uint16_t bad_request = 400;
constexpr std::uint16_t not_found = 404;
constexpr std::uint16_t misdirected_request = 421;

std::uint16_t status_of(match_kind why) noexcept {
    switch (why) {
    case match_kind::malformed:
    case match_kind::not_http:
        return bad_request;
    case match_kind::no_route:
        return misdirected_request;
    default:
        return not_found;
    }
}

// The listener's policy for clients that no route takes. "default" without a [default] closes.
decision by_policy(const configuration& configuration, policy policy, match_kind why) {
    decision made{.match = why, .route = {}, .backend = {}, .refusal = policy, .status = status_of(why)};
    if (policy != policy::route_to_default)
        return made;
    made.refusal = policy::close;
    made.backend = configuration.default_backend;
    return made;
}

// refuse: a host that a route has, for other requests, is not the wrong one.
decision refuse(const configuration& configuration, const listener_settings& listener, hello_kind hello,
                const std::optional<host_name>& name) {
    auto made = decide_unmatched(configuration, listener, hello);
    if (listener.is_for_http() && name && !made.backend && configuration.table.knows(*name))
        made.status = not_found;
    return made;
}

} // namespace

std::string_view to_string(match_kind match) noexcept {
    switch (match) {
    case match_kind::exact:
        return "exact";
    case match_kind::wildcard:
        return "wildcard";
    case match_kind::regex:
        return "regex";
    case match_kind::conditions:
        return "conditions";
    case match_kind::no_route:
        return "no_route";
    case match_kind::no_server_name:
        return "no_server_name";
    case match_kind::malformed:
        return "malformed";
    case match_kind::not_tls:
        return "not_tls";
    case match_kind::no_host:
        return "no_host";
    case match_kind::not_http:
        return "not_http";
    }
    return "?";
}

decision decide_unmatched(const configuration& configuration, const listener_settings& listener,
                          hello_kind hello) {
    const bool http = listener.is_for_http();
    switch (hello) {
    case hello_kind::malformed:
        return by_policy(configuration, listener.malformed, match_kind::malformed);
    case hello_kind::foreign: // to them an alert is noise
        return by_policy(configuration, listener.foreign == policy::alert ? policy::close : listener.foreign,
                         http ? match_kind::not_http : match_kind::not_tls);
    case hello_kind::without_name:
        return by_policy(configuration, listener.unmatched,
                         http ? match_kind::no_host : match_kind::no_server_name);
    case hello_kind::with_name:
        break;
    }
    return by_policy(configuration, listener.unmatched, match_kind::no_route);
}

bool may_have(const configuration& configuration, std::size_t route, route::pattern_kind how,
              const std::optional<host_name>& name) {
    if (how != route::pattern_kind::any)
        return true;
    const auto* const redirect = configuration.backends[configuration.routes[route].backend].redirect();
    return redirect == nullptr || !redirect->needs_host() || (name && configuration.table.knows(*name));
}

decision decide(const configuration& configuration, const listener_settings& listener, hello_kind hello,
                const std::optional<host_name>& name, const route::client_facts& client) {
    if (hello == hello_kind::malformed || hello == hello_kind::foreign)
        return decide_unmatched(configuration, listener, hello);
    const auto won = name ? configuration.table.find(*name, client) : configuration.table.find(client);
    if (won && !won->is_decided)
        return decide_unmatched(configuration, listener, hello_kind::malformed);
    if (!won || !may_have(configuration, won->rule, won->kind, name))
        return refuse(configuration, listener, hello, name);
    return {.match = to_match(won->kind),
            .route = won->rule,
            .backend = configuration.routes[won->rule].backend,
            .refusal = policy::close};
}

} // namespace snipass::config
