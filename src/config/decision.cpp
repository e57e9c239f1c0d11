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

// The listener's policy for clients that no route takes. "default" without a [default] closes.
decision by_policy(const configuration& configuration, policy policy, match_kind why) {
    decision made{.match = why, .route = {}, .backend = {}, .refusal = policy};
    if (policy != policy::route_to_default)
        return made;
    made.refusal = policy::close;
    made.backend = configuration.default_backend;
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
    }
    return "?";
}

decision decide_unmatched(const configuration& configuration, const listener_settings& listener,
                          hello_kind hello) {
    switch (hello) {
    case hello_kind::malformed:
        return by_policy(configuration, listener.malformed, match_kind::malformed);
    case hello_kind::not_tls: // to them an alert is noise
        return by_policy(configuration, listener.not_tls == policy::alert ? policy::close : listener.not_tls,
                         match_kind::not_tls);
    case hello_kind::without_name:
        return by_policy(configuration, listener.unmatched, match_kind::no_server_name);
    case hello_kind::with_name:
        break;
    }
    return by_policy(configuration, listener.unmatched, match_kind::no_route);
}

decision decide(const configuration& configuration, const listener_settings& listener, hello_kind hello,
                const std::optional<host_name>& name, const route::client_facts& client) {
    if (hello == hello_kind::malformed || hello == hello_kind::not_tls)
        return decide_unmatched(configuration, listener, hello);
    const auto won = name ? configuration.table.find(*name, client) : configuration.table.find(client);
    if (!won)
        return decide_unmatched(configuration, listener, hello);
    return {.match = to_match(won->kind),
            .route = won->rule,
            .backend = configuration.routes[won->rule].backend,
            .refusal = policy::close};
}

} // namespace snipass::config
