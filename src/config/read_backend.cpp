// [backend.NAME]
#include "draft.hpp"
#include "reader.hpp"
#include "snipass/config/address.hpp"
#include "snipass/config/limits.hpp"

#include <algorithm>

namespace snipass::config {
namespace {

constexpr choice<proxy_protocol> headers[] = {
    {"none", proxy_protocol::none}, {"v1", proxy_protocol::v1}, {"v2", proxy_protocol::v2}};

constexpr choice<balance> balances[] = {{"order", balance::order},
                                        {"round_robin", balance::round_robin},
                                        {"least_sessions", balance::least_sessions},
                                        {"source_hash", balance::source_hash}};
constexpr choice<health_check> checks[] = {
    {"none", health_check::none}, {"connect", health_check::connect}, {"tls", health_check::tls}};
constexpr choice<removal> removals[] = {{"keep", removal::keep}, {"close", removal::close}};

constexpr std::string_view handoff_keys[] = {"protocol", "ack_timeout"};
constexpr std::string_view proxy_keys[] = {
    "balance",         "resolve_interval",  "eject_after",  "check",     "check_interval", "proxy_protocol",
    "connect_timeout", "idle_timeout",      "max_lifetime", "keepalive", "user_timeout",   "on_remove",
    "transparent",     "allow_destinations"};

// What is about addresses that are known beforehand.
constexpr std::string_view known_address_keys[] = {"balance", "eject_after", "check", "check_interval"};

// The name stands in log lines and in what `explain` prints.
bool is_backend_name(std::string_view name) {
    const auto plain = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
               c == '_' || c == '.';
    };
    return !name.empty() && name.size() <= limits::backend_name &&
           std::all_of(name.begin(), name.end(), plain);
}

written<handoff_protocol> as_handoff_protocol(const node& node) {
    constexpr choice<handoff_protocol> protocols[] = {{"stream", handoff_protocol::stream},
                                                      {"datagram", handoff_protocol::datagram}};
    const auto* const text = std::get_if<std::string>(&node.value);
    if (text && *text == "scgi")
        return written<handoff_protocol>::refused(
            "this version does not have \"scgi\"; write \"stream\" or \"datagram\"");
    return as_choice<handoff_protocol>(node, protocols);
}

written<std::string> as_handoff_address(const node& node) {
    auto text = as_string(node, "a unix socket", "unix:/run/backend.sock");
    return text.value ? parse_handoff_address(*text.value) : text;
}

written<proxy_address> as_proxy_address(const node& node) {
    auto text = as_string(node, "an address", "192.0.2.1:443");
    if (!text.value)
        return written<proxy_address>::refused(std::move(text.problem));
    return parse_proxy_address(*text.value);
}

written<std::chrono::milliseconds> as_duration_or_none(const node& node) {
    return as_duration(node, std::chrono::milliseconds{0});
}

void read_handoff(table_reader& in, backend_settings& backend) {
    const auto duration = [](const node& node) { return as_duration(node, limits::shortest_duration); };
    in.read("protocol", backend.protocol, as_handoff_protocol);
    if (backend.protocol == handoff_protocol::datagram)
        in.reject("ack_timeout", "protocol = \"datagram\" has no acknowledgement; leave ack_timeout out");
    else
        in.read("ack_timeout", backend.ack_timeout, duration);
}

// Either "public" or a network.
written<std::optional<ip_prefix>> as_destination(const node& node) {
    using result = written<std::optional<ip_prefix>>;
    const auto* const text = std::get_if<std::string>(&node.value);
    if (text && *text == "public")
        return std::optional<ip_prefix>{};
    auto prefix = as_prefix(node);
    if (!prefix.value)
        return result::refused(std::move(prefix.problem));
    return std::optional{*prefix.value};
}

// read_forwarding reads what depends on who chooses the host, the file or the client.
void read_forwarding(table_reader& in, backend_settings& backend) {
    const auto forwards = std::ranges::count(backend.proxy, true, &proxy_address::host_asked_for);
    if (forwards == 0)
        return in.reject("allow_destinations", "applies to proxy = [\"{host_name}:443\"] only; leave it out");
    if (backend.proxy.size() > 1)
        in.error(backend.where, "proxy",
                 "\"{host_name}\" stands alone; write a second backend for the others");
    for (const auto key : known_address_keys)
        in.reject(key, "does not apply to \"{host_name}\"; leave it out");
    auto& allowed = backend.allow_destinations;
    destinations given{false, {}};
    if (in.read_each("allow_destinations", table_reader::lone_string::accepted, as_destination,
                     [&](const std::optional<ip_prefix>& one, place) {
                         one ? given.listed.push_back(*one) : void(given.public_ones = true);
                     }))
        allowed = std::move(given);
}

void read_proxy(table_reader& in, backend_settings& backend) {
    const auto duration = [](const node& node) { return as_duration(node, limits::shortest_duration); };
    read_forwarding(in, backend);
    in.read("proxy_protocol", backend.header,
            [](const node& node) { return as_choice<proxy_protocol>(node, headers); });
    in.read("balance", backend.balance, [](const node& node) { return as_choice<balance>(node, balances); });
    in.read("resolve_interval", backend.resolve_interval,
            [](const node& node) { return as_duration(node, limits::shortest_interval); });
    in.read("eject_after", backend.eject_after,
            [](const node& node) { return as_integer(node, 0, limits::failures); });
    in.read("check", backend.check, [](const node& node) { return as_choice<health_check>(node, checks); });
    in.read("check_interval", backend.check_interval,
            [](const node& node) { return as_duration(node, limits::shortest_interval); });
    in.read("connect_timeout", backend.connect_timeout, duration);
    in.read("idle_timeout", backend.idle_timeout, duration);
    in.read("max_lifetime", backend.max_lifetime, as_duration_or_none);
    in.read("keepalive", backend.keepalive, as_duration_or_none);
    in.read("user_timeout", backend.user_timeout, as_duration_or_none);
    in.read("on_remove", backend.on_remove,
            [](const node& node) { return as_choice<removal>(node, removals); });
    in.read("transparent", backend.transparent, as_boolean);
    if (backend.transparent &&
        std::ranges::any_of(backend.proxy, [](const proxy_address& one) { return !one.path.empty(); }))
        in.error(backend.where, "transparent", "a unix socket has no source address; leave one of them out");
}

} // namespace

written<reference> as_backend_name(const node& node) {
    auto text = as_string(node, "a backend's name", "blog");
    if (!text.value)
        return written<reference>::refused(std::move(text.problem));
    return reference{std::move(*text.value), node.where};
}

backend_draft read_backend(const members& table, std::string_view name, place where, findings& findings) {
    backend_draft backend;
    auto& settings = backend.settings;
    settings.name = std::string(name);
    settings.where = where;
    const bool plain = is_backend_name(name);
    const auto title = "backend." + (plain ? std::string(name) : in_quotes(name));
    if (!plain)
        findings.error(where, title + ": write a name of 1 to 64 letters, digits, \"-\", \"_\" or \".\"");

    table_reader in{table, title, findings};
    using lone = table_reader::lone_string;
    const bool handoff =
        in.read_each("handoff", lone::accepted, as_handoff_address,
                     [&](std::string path, place) { settings.handoff.push_back(std::move(path)); });
    const bool proxy =
        in.read_each("proxy", lone::accepted, as_proxy_address, [&](proxy_address address, place of) {
            settings.proxy.push_back(std::move(address));
            backend.proxy_places.push_back(of);
        });
    if (handoff && proxy)
        findings.error(where,
                       title + ": both handoff and proxy; write one, and a second backend for the other");
    if (!handoff && !proxy)
        findings.error(where, title + ": neither handoff nor proxy; write handoff = \"unix:/run/" +
                                  std::string(name) +
                                  ".sock\" for a process on this machine, or proxy = [\"192.0.2.1:443\"]");

    if (handoff || !proxy)
        read_handoff(in, settings);
    if (proxy || !handoff)
        read_proxy(in, settings);
    if (handoff && !proxy)
        for (const auto key : proxy_keys)
            in.reject(key, "does not apply to a backend with handoff; leave it out");
    if (proxy && !handoff)
        for (const auto key : handoff_keys)
            in.reject(key, "does not apply to a backend with proxy; leave it out");
    in.read("hold", settings.hold, as_duration_or_none);
    in.read("max_pending", settings.max_pending,
            [](const node& node) { return as_integer(node, 1, limits::sessions); });
    in.read("sorry", backend.sorry, as_backend_name);
    in.finish();
    return backend;
}

} // namespace snipass::config
