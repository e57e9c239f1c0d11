// SPDX-License-Identifier: BSL-1.0
// How a session ended.
#include "snipass/telling/outcome.hpp"

namespace snipass::server {

std::string_view to_string(outcome value) noexcept {
    static constexpr std::array<std::string_view, outcome_count> names{"handed_off",
                                                                       "proxied",
                                                                       "redirected",
                                                                       "no_route",
                                                                       "no_server_name",
                                                                       "malformed",
                                                                       "not_tls",
                                                                       "no_host",
                                                                       "not_http",
                                                                       "denied",
                                                                       "rate_limited",
                                                                       "bad_proxy_header",
                                                                       "client_closed",
                                                                       "hello_timeout",
                                                                       "shed",
                                                                       "shed_source",
                                                                       "backend_absent",
                                                                       "backend_refused",
                                                                       "backend_backlog_full",
                                                                       "backend_queue_full",
                                                                       "backend_max_pending",
                                                                       "backend_overdue",
                                                                       "backend_overdue_source",
                                                                       "backend_declined",
                                                                       "backend_silent",
                                                                       "backend_failed",
                                                                       "backend_drained",
                                                                       "max_relayed",
                                                                       "max_relayed_source",
                                                                       "destination_refused",
                                                                       "handshake_failed",
                                                                       "no_certificate",
                                                                       "alpn_mismatch",
                                                                       "no_resources",
                                                                       "closed_by_admin",
                                                                       "cut_off",
                                                                       "internal_error"};
    return names[static_cast<std::size_t>(value)];
}

bool is_fault(outcome value) noexcept {
    switch (value) {
    case outcome::backend_absent:
    case outcome::backend_refused:
    case outcome::backend_backlog_full:
    case outcome::backend_queue_full:
    case outcome::backend_max_pending:
    case outcome::backend_overdue:
    case outcome::backend_declined:
    case outcome::backend_silent:
    case outcome::backend_failed:
    case outcome::backend_drained:
    case outcome::max_relayed:
    case outcome::no_resources:
    case outcome::internal_error:
        return true;
    default:
        return false;
    }
}

outcome refused_as(config::match_kind why) noexcept {
    switch (why) {
    case config::match_kind::no_server_name:
        return outcome::no_server_name;
    case config::match_kind::malformed:
        return outcome::malformed;
    case config::match_kind::not_tls:
        return outcome::not_tls;
    case config::match_kind::no_host:
        return outcome::no_host;
    case config::match_kind::not_http:
        return outcome::not_http;
    default:
        return outcome::no_route;
    }
}

} // namespace snipass::server
