// SPDX-License-Identifier: BSL-1.0
// The keys of a backend that is an answer: redirect and status.
#include "draft.hpp"
#include "reader.hpp"
#include "snipass/config/redirect.hpp"

namespace snipass::config {
namespace {

// What a server is for.
constexpr std::string_view server_keys[] = {"handoff",
                                            "proxy",
                                            "protocol",
                                            "user",
                                            "ack_timeout",
                                            "max_unanswered",
                                            "balance",
                                            "eject_after",
                                            "check",
                                            "check_interval",
                                            "proxy_protocol",
                                            "resolve_interval",
                                            "allow_destinations",
                                            "deny_destinations",
                                            "connect_timeout",
                                            "idle_timeout",
                                            "max_lifetime",
                                            "keepalive",
                                            "user_timeout",
                                            "min_rate",
                                            "on_remove",
                                            "transparent",
                                            "sorry",
                                            "hold",
                                            "max_pending",
                                            "tls",
                                            "closes"};

written<std::string> as_redirect(const node& node) {
    auto text = as_string(node, "a URL", "https");
    return text.value ? parse_redirect(*text.value) : text;
}

// as_redirect_status takes one that a client follows with the same URL and no questions.
written<std::uint16_t> as_redirect_status(const node& node) {
    constexpr std::uint16_t known[] = {301, 302, 307, 308};
    const auto* const number = std::get_if<std::int64_t>(&node.value);
    for (const auto one : known)
        if (number && *number == one)
            return one;
    return written<std::uint16_t>::refused(
        "expected 301, 302, 307 or 308, not " + describe(node) +
        "; leave it out for 301, and 308 where the method is not GET or HEAD");
}

} // namespace

bool read_redirect(table_reader& in, backend_settings& settings) {
    redirect_settings made;
    if (!in.read("redirect", made.url, as_redirect)) {
        in.reject("status", "belongs to a backend with redirect; leave it out");
        return false;
    }
    in.read("status", made.status, as_redirect_status);
    for (const auto key : server_keys)
        in.reject(key, "does not apply to a backend with redirect; leave it out");
    settings.kind = std::move(made);
    return true;
}

} // namespace snipass::config
