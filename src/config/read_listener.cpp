// SPDX-License-Identifier: BSL-1.0
// [[listener]]
#include "draft.hpp"
#include "reader.hpp"
#include "snipass/config/address.hpp"
#include "snipass/config/limits.hpp"
#include "written_number.hpp"

#include <charconv>

namespace snipass::config {
namespace {

// What refuses a client in its own protocol is a word of that protocol alone.
constexpr choice<policy> tls_policies[] = {{"default", policy::route_to_default},
                                           {"close", policy::close},
                                           {"reset", policy::reset},
                                           {"alert", policy::alert}};
constexpr choice<policy> http_policies[] = {{"default", policy::route_to_default},
                                            {"close", policy::close},
                                            {"reset", policy::reset},
                                            {"status", policy::status}};
constexpr choice<listener_protocol> protocols[] = {{"tls", listener_protocol::tls},
                                                   {"http", listener_protocol::http}};

written<listener_address> as_listener_address(const node& node) {
    using result = written<listener_address>;
    if (const auto* const port = std::get_if<std::int64_t>(&node.value); port && *port > 0 && *port <= 65'535)
        return result::refused("expected an address in quotes, not a port alone; write " +
                               in_quotes("[::]:" + std::to_string(*port)));
    if (std::holds_alternative<elements>(node.value))
        return result::refused("a listener has one address; write a [[listener]] for each");
    auto text = as_string(node, "an address", "[::]:443");
    if (!text.value)
        return result::refused(std::move(text.problem));
    return parse_listener_address(*text.value);
}

// as_policy: other programs drop a client, or name a backend here.
written<policy> as_policy(const node& node, bool http) {
    auto read = as_choice<policy>(node, http ? http_policies : tls_policies);
    const auto* const text = std::get_if<std::string>(&node.value);
    if (read.value || !text)
        return read;
    if (*text == "drop" || *text == "deny" || *text == "block")
        return written<policy>::refused("no " + in_quotes(*text) + " here; write \"close\"");
    if (*text == "alert" || *text == "status")
        return written<policy>::refused(in_quotes(*text) +
                                        (http ? " is for clients that speak TLS; write \"status\""
                                              : " is for clients that speak HTTP; write \"alert\""));
    if (!nearest(*text, {"default", "close", "reset", http ? "status" : "alert"}))
        read.problem += "; for a backend write \"default\", and backend = \"NAME\" below [default]";
    return read;
}

// as_mode takes a file's mode as chmod(1) does, in octal.
written<std::uint32_t> as_mode(const node& node) {
    using result = written<std::uint32_t>;
    constexpr std::uint32_t most = 0777;
    const auto* const text = std::get_if<std::string>(&node.value);
    if (!text)
        return result::refused("expected a mode in quotes, not " + describe(node) +
                               "; write one such as \"0660\"");
    std::uint32_t mode = 0;
    const auto* const end = text->data() + text->size();
    const auto [stop, error] = std::from_chars(text->data(), end, mode, 8);
    if (text->empty() || error != std::errc{} || stop != end || mode > most)
        return result::refused(in_quotes(*text) + " is no mode; write one such as \"0660\"");
    return mode;
}

// read_admission reads who may come how.
void read_admission(table_reader& in, listener_settings& settings) {
    constexpr auto refused = table_reader::lone_string::refused;
    const bool handoff = settings.is_for_handoffs();
    if (handoff) {
        in.reject("accept_proxy_protocol", "a handoff says itself who its client is; leave it out");
        if (!settings.systemd_name.empty())
            in.reject("mode", "a socket that systemd passes has its unit's SocketMode=; leave it out");
    } else {
        in.reject("mode", "belongs to an address \"handoff:PATH\"; leave it out");
        in.reject("allowed_users", "belongs to an address \"handoff:PATH\"; leave it out");
    }
    in.read_each("accept_proxy_protocol", refused, as_prefix, [&](const ip_prefix& prefix, position) {
        settings.accept_proxy_protocol.push_back(prefix);
    });
    in.read("mode", settings.mode, as_mode);
    in.read_each("allowed_users", refused, as_user,
                 [&](allowed_user user, position) { settings.allowed_users.push_back(std::move(user)); });
}

// read_rate reads one limit. What may come at once, before it counts, is as many as come in `seconds`.
void read_rate(table_reader& in, std::string_view key, std::string_view burst_key, std::size_t seconds,
               std::optional<rate>& into) {
    const auto number = [](const node& node) { return as_integer(node, 1, limits::new_clients); };
    std::size_t per_second = 0;
    if (!in.read(key, per_second, number))
        return in.reject(burst_key, "belongs to " + std::string{key} + "; write that, too");
    std::size_t burst = per_second * seconds;
    in.read(burst_key, burst, number);
    if (per_second > 0)
        into = rate{per_second, burst};
}

// read_limits reads whom the listener takes, and how often.
void read_limits(table_reader& in, listener_settings& settings) {
    const auto read_networks = [&in](std::string_view key, std::optional<route::source_set>& into) {
        const auto* const given = in.take(key);
        const auto* const list = given ? std::get_if<elements>(&given->value.value) : nullptr;
        if (list != nullptr && list->empty())
            return in.error(given->value.where, key,
                            key == "allow"
                                ? "an empty array, which would let nobody in; write networks, or leave "
                                  "it out and everybody may come"
                                : "an empty array, which keeps nobody out; write networks, or leave it "
                                  "out");
        std::vector<ip_prefix> networks;
        if (in.read_each(key, table_reader::lone_string::accepted, as_prefix,
                         [&](const ip_prefix& one, position) { networks.push_back(one); }))
            into.emplace(networks);
    };
    admission_settings made;
    read_networks("allow", made.allow);
    read_networks("deny", made.deny);
    read_rate(in, "max_rate_per_source", "max_burst_per_source", 10, made.per_source);
    read_rate(in, "max_rate", "max_burst", 1, made.all);
    if (made.allow || made.deny || made.limits_rates())
        settings.admission = std::move(made);
}

// read_policies: what is no opening of the listener's protocol has a key of its own for each. Clients of HTTP
// are answered unless the file says otherwise: [default] is a backend for TLS wherever there are both.
void read_policies(table_reader& in, listener_draft& listener) {
    auto& settings = listener.settings;
    in.read("protocol", settings.protocol,
            [](const node& node) { return as_choice<listener_protocol>(node, protocols); });
    const bool http = settings.is_for_http();
    const auto read_policy = [&](std::string_view key, policy& into) {
        in.read(key, into, [&](const node& node) {
            auto read = as_policy(node, http);
            if (read.value == policy::route_to_default)
                listener.sent_to_default.push_back({key, node.where});
            return read;
        });
    };
    if (http)
        settings.unmatched = settings.malformed = policy::status;
    read_policy("unmatched", settings.unmatched);
    read_policy("malformed", settings.malformed);
    settings.foreign = settings.unmatched;
    read_policy(http ? "not_http" : "not_tls", settings.foreign);
    in.reject(http ? "not_tls" : "not_http", http ? "belongs to protocol = \"tls\"; write not_http"
                                                  : "belongs to protocol = \"http\"; write not_tls");
}

} // namespace

listener_draft read_listener(const members& table, position where, findings& findings) {
    listener_draft listener;
    listener.where = where;
    listener.settings.written = written_number(table);
    table_reader in{table, "listener", findings};

    const auto* const address = in.take("address");
    if (address) {
        listener.where = address->value.where;
        const auto parsed = as_listener_address(address->value);
        if (!parsed.value)
            in.error(listener.where, "address", parsed.problem);
        listener.settings.where = listener.where;
        if (const auto* const text = std::get_if<std::string>(&address->value.value))
            listener.settings.address = *text;
        if (parsed.value) {
            listener.settings.endpoint = parsed.value->endpoint;
            listener.settings.systemd_name = parsed.value->systemd_name;
            listener.settings.handoff_path = parsed.value->handoff_path;
            listener.settings.every_address = parsed.value->every_address;
            listener.settings.interface = parsed.value->interface;
        }
    }

    read_policies(in, listener);
    read_admission(in, listener.settings);
    read_limits(in, listener.settings);
    in.finish();
    if (!address && !in.is_meant("address"))
        findings.error(where, "listener: no address; write one such as address = \"[::]:443\"");
    return listener;
}

} // namespace snipass::config
