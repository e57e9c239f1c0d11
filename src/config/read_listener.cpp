// [[listener]]
#include "draft.hpp"
#include "reader.hpp"
#include "snipass/config/address.hpp"

namespace snipass::config {
namespace {

constexpr choice<policy> policies[] = {{"default", policy::route_to_default},
                                       {"close", policy::close},
                                       {"reset", policy::reset},
                                       {"alert", policy::alert}};

written<listener_address> as_listener_address(const node& node) {
    using result = written<listener_address>;
    if (const auto* const port = std::get_if<std::int64_t>(&node.value); port && *port > 0 && *port <= 65'535)
        return result::refused("expected an address in quotes, not a port alone; write " +
                               quoted("[::]:" + std::to_string(*port)));
    auto text = as_string(node, "an address", "[::]:443");
    if (!text.value)
        return result::refused(std::move(text.problem));
    return parse_listener_address(*text.value);
}

// as_protocol has nothing to return yet: "tls" is all there is.
written<bool> as_protocol(const node& node) {
    using result = written<bool>;
    const auto* const text = std::get_if<std::string>(&node.value);
    if (!text)
        return result::refused("expected \"tls\" in quotes, not " + describe(node) + "; write \"tls\"");
    if (*text == "http")
        return result::refused("this version does not have \"http\" listeners; write \"tls\"");
    if (*text != "tls")
        return result::refused("no " + quoted(*text) + " here; write \"tls\"");
    return true;
}

} // namespace

listener_draft read_listener(const members& table, place where, findings& findings) {
    listener_draft listener;
    listener.where = where;
    table_reader in{table, "listener", findings};

    if (const auto* const address = in.take("address")) {
        listener.where = address->value.where;
        const auto parsed = as_listener_address(address->value);
        if (!parsed.value)
            in.error(listener.where, "address", parsed.problem);
        if (const auto* const text = std::get_if<std::string>(&address->value.value))
            listener.settings.address = *text;
        if (parsed.value)
            listener.settings.endpoint = parsed.value->endpoint;
        if (parsed.value)
            listener.settings.systemd_name = parsed.value->systemd_name;
    } else {
        findings.error(where, "listener: no address; write one such as address = \"[::]:443\"");
    }

    bool tls = true;
    in.read("protocol", tls, as_protocol);
    const auto read_policy = [&](std::string_view key, policy& into) {
        return in.read(key, into, [&](const node& node) {
            auto read = as_choice<policy>(node, policies);
            if (read.value == policy::route_to_default)
                listener.sent_to_default.push_back({key, node.where});
            return read;
        });
    };
    read_policy("unmatched", listener.settings.unmatched);
    read_policy("malformed", listener.settings.malformed);
    listener.settings.not_tls = listener.settings.unmatched;
    read_policy("not_tls", listener.settings.not_tls);
    in.read_each(
        "accept_proxy_protocol", table_reader::lone_string::refused, as_prefix,
        [&](const ip_prefix& prefix, place) { listener.settings.accept_proxy_protocol.push_back(prefix); });
    in.finish();
    return listener;
}

} // namespace snipass::config
