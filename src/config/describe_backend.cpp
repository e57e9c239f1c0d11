// SPDX-License-Identifier: BSL-1.0
// What `snipass explain` says of a backend.
#include "describe_backend.hpp"

#include "snipass/config/units.hpp"

namespace snipass::config {
namespace {

std::string to_string(const destinations& allowed) {
    auto text = std::string{allowed.public_ones ? "public addresses" : ""};
    if (!allowed.listed.empty())
        text += (text.empty() ? "" : " and ") +
                listed(allowed.listed, [](const ip_prefix& one) { return one.to_string(); });
    if (text.empty())
        text = "nowhere";
    if (!allowed.denied.empty())
        text += ", but not " + listed(allowed.denied, [](const ip_prefix& one) { return one.to_string(); });
    return text;
}

std::string_view to_string(balance value) {
    switch (value) {
    case balance::order:
        return "order";
    case balance::round_robin:
        return "round_robin";
    case balance::least_sessions:
        return "least_sessions";
    case balance::source_hash:
        return "source_hash";
    }
    return {};
}

std::string describe(const handoff_settings& handoff) {
    return "handoff by " + in_quotes(traits_of(handoff.protocol).name) + " to " +
           listed(handoff.paths, [](const std::string& path) { return "unix:" + path; }) +
           (handoff.user ? ", if it is user " + in_quotes(handoff.user->name) + "'s" : "");
}

std::string describe_checks(const relay_settings& relay) {
    if (relay.check == health_check::none)
        return {};
    return ", checked every " + format_duration(relay.check_interval) +
           (relay.check == health_check::tls ? " by a TLS hello" : " by a connect");
}

// describe_proxy says what is not as it is by default.
std::string describe_proxy(const proxy_settings& proxy, const std::string& checks) {
    std::string text;
    if (proxy.header != proxy_protocol::none)
        text +=
            proxy.header == proxy_protocol::v1 ? ", with a PROXY header (v1)" : ", with a PROXY header (v2)";
    if (proxy.transparent)
        text += ", from the client's own address";
    text += checks;
    if (proxy.max_lifetime.count() > 0)
        text += "; reset after " + format_duration(proxy.max_lifetime);
    if (proxy.on_remove == removal::close)
        text += "; reset when a reload removes it";
    return text;
}

std::string describe(const relay_settings& relay) {
    auto text =
        "proxy to " + listed(relay.addresses, [](const proxy_address& address) { return address.text; });
    if (relay.balance != balance::order)
        text += ", balance = " + in_quotes(to_string(relay.balance));
    return text + describe_proxy(relay, describe_checks(relay));
}

std::string describe(const forward_settings& forward) {
    return "proxy to " + forward.address.text +
           " (the name that the client asks for; allowed: " + to_string(forward.allow_destinations) + ")" +
           describe_proxy(forward, {});
}

// describe_failure is what becomes of a client that the backend does not take: held first, sorry after that.
std::string describe_failure(const configuration& configuration, const backend_settings& backend) {
    std::string text;
    const bool is_held = backend.hold.count() > 0;
    if (is_held)
        text += "; held for up to " + format_duration(backend.hold) + " while it is away";
    if (backend.sorry)
        text += (is_held ? ", then backend " : "; where it fails, at once backend ") +
                in_quotes(configuration.backends[*backend.sorry].name);
    else
        text += is_held ? ", then closed" : "; where it fails, closed at once";
    return text;
}

} // namespace

std::string at_line(const configuration& configuration, position where) {
    return configuration.file + ":" + std::to_string(where.line);
}

std::string describe_backend(const configuration& configuration, const backend_settings& backend) {
    return "backend " + in_quotes(backend.name) + " (" + at_line(configuration, backend.where) +
           "): " + std::visit([](const auto& kind) { return describe(kind); }, backend.kind) +
           describe_failure(configuration, backend);
}

} // namespace snipass::config
