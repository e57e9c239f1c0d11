// SPDX-License-Identifier: BSL-1.0
// What `snipass explain` says of a backend.
#include "describe_backend.hpp"

#include "snipass/config/part.hpp"
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
    return "handoff by " + in_quotes(traits_of(handoff.protocol).name) +
           (handoff.scgi_ack ? ", acknowledged," : "") + " to " +
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

std::string describe(const redirect_settings& redirect) {
    return "redirected to " + redirect.url +
           (redirect.status ? " (" + std::to_string(*redirect.status) + ")"
                            : std::string{" (301 for GET and HEAD, 308 for other methods)"});
}

// timeout_of says when a client that is not held has waited long enough.
std::string timeout_of(const backend_settings& backend) {
    if (const auto* const handoff = backend.handoff())
        return (handoff->acknowledges()                    ? "does not answer within "
                : traits_of(handoff->protocol).is_datagram ? "its queue is full for "
                                                           : "does not take its message within ") +
               format_duration(handoff->attempt_timeout());
    return "there is no connection within " + format_duration(backend.proxy()->connect_timeout);
}

std::string describe_clients(const termination_settings& ends) {
    if (!ends.clients)
        return {};
    return std::string{ends.clients->are_required ? " and demands" : " and asks for"} +
           " a certificate that is issued by " + in_quotes(ends.clients->authorities);
}

std::string describe_encryption(const termination_settings& ends) {
    if (!ends.encryption)
        return "in clear";
    const auto& shown = ends.encryption->shown;
    return "encrypted again" +
           (shown ? " (to a backend that asks, the certificate in " + in_quotes(shown->chain) + " is shown)"
                  : "");
}

// describe_termination is what happens in front of what describe() tells.
std::string describe_termination(const configuration& configuration, const backend_settings& backend) {
    if (!backend.termination)
        return {};
    const auto hold = hold_of_router(configuration, backend);
    return "TLS ends in snipass-tls, at " + in_quotes("unix:" + configuration.tls->handoff_path) +
           (hold.count() > 0 ? " (held for up to " + format_duration(hold) : std::string{" (not held"}) +
           " while that is away), which offers " + listed(backend.termination->alpn, in_quotes) +
           describe_clients(*backend.termination) + "; what the client says goes " +
           describe_encryption(*backend.termination) + " by ";
}

// describe_failure is what becomes of a client that the backend does not take: held first, sorry after that.
std::string describe_failure(const configuration& configuration, const backend_settings& backend) {
    if (backend.redirect())
        return {};
    const bool is_held = backend.hold.count() > 0;
    auto text = is_held ? "; held for up to " + format_duration(backend.hold) + " while " +
                              (backend.termination ? "the backend" : "it") + " is away, then "
                        : "; not held: where it fails, or " + timeout_of(backend) + ", ";
    if (backend.sorry)
        return text + "backend " + in_quotes(configuration.backends[*backend.sorry].name);
    return text + "closed";
}

std::string describe_ech(const backend_settings& backend) {
    switch (backend.ech) {
    case ech_mode::none:
        break;
    case ech_mode::own_keys:
        return "; encrypted hellos are routed here by their inner name, and it opens them itself";
    case ech_mode::carried:
        return "; encrypted hellos are routed here by their inner name, and it gets them opened";
    }
    return {};
}

// lacks_bytes: the backend reads the client's first bytes from its socket, where they are no longer
// (docs/handoff.md).
bool lacks_bytes(const backend_settings& backend) {
    const auto* const handoff = backend.handoff();
    return backend.termination || (handoff != nullptr && traits_of(handoff->protocol).needs_unread_bytes);
}

std::string describe_one(const configuration& configuration, const backend_settings& backend,
                         bool is_consumed) {
    auto text = "backend " + in_quotes(backend.name) + " (" + at_line(configuration, backend.where) +
                "): " + describe_termination(configuration, backend) +
                std::visit([](const auto& kind) { return describe(kind); }, backend.kind) +
                describe_failure(configuration, backend) + describe_ech(backend);
    // snipass-tls gets its clients as a backend does.
    const auto protocol =
        backend.handoff() != nullptr ? backend.handoff()->protocol : handoff_protocol::stream;
    if (is_consumed && lacks_bytes(backend))
        text +=
            "\n  a client that comes by datagram cannot have " + in_quotes(backend.name) +
            ", whose protocol is " + in_quotes(traits_of(protocol).name) + ": it " +
            (backend.sorry ? "goes to " + in_quotes(configuration.backends[*backend.sorry].name) + " at once"
                           : "is closed");
    return text;
}

} // namespace

std::string at_line(const configuration& configuration, position where) {
    return configuration.file_of(where) + ":" + std::to_string(where.line);
}

std::string describe_backend(const configuration& configuration, const backend_settings& backend,
                             bool is_consumed) {
    auto text = describe_one(configuration, backend, is_consumed);
    for (const auto* one = &backend; one->sorry;) {
        one = &configuration.backends[*one->sorry];
        text += "\n  " + describe_one(configuration, *one, is_consumed);
    }
    return text;
}

} // namespace snipass::config
