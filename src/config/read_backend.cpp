// SPDX-License-Identifier: BSL-1.0
// [backend.NAME]
#include "draft.hpp"
#include "reader.hpp"
#include "snipass/config/address.hpp"
#include "snipass/config/limits.hpp"
#include "written_number.hpp"

#include <algorithm>
#include <span>

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

// Of these each backend has one, and without it nobody knows which of the others it may have.
constexpr std::string_view kinds[] = {"handoff", "proxy"};

// The keys of one kind, which are mistakes in a backend of another.
using keys = std::span<const std::string_view>;
constexpr std::string_view handoff_keys[] = {"protocol", "user", "ack_timeout", "max_unanswered", "scgi_ack"};
constexpr std::string_view relay_keys[] = {"balance", "eject_after", "check", "check_interval"};
constexpr std::string_view forward_keys[] = {"allow_destinations", "deny_destinations"};
constexpr std::string_view proxy_keys[] = {
    "resolve_interval", "proxy_protocol", "connect_timeout", "idle_timeout", "max_lifetime",
    "keepalive",        "user_timeout",   "min_rate",        "on_remove",    "transparent"};

void reject_each(table_reader& in, keys of, std::string_view why) {
    for (const auto key : of)
        in.reject(key, why);
}

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
    std::vector<choice<handoff_protocol>> choices;
    for (const auto& one : handoff_protocols)
        choices.push_back({one.name, one.protocol});
    return as_choice<handoff_protocol>(node, choices);
}

// at_home: "~" is the shell's.
bool at_home(std::string_view address) {
    return address.starts_with("unix:~") || address.starts_with('~');
}

constexpr const char* no_home =
    " begins in a home folder, and ~ is nothing here; write the whole path, such as "
    "\"unix:/run/backend.sock\"";

// list_in_one is the array that several addresses in one text are meant to be. Empty: something else is
// wrong.
std::string list_in_one(std::string_view text) {
    std::string list;
    bool more = text.find(',') != text.npos;
    while (more) {
        const auto comma = text.find(',');
        auto one = text.substr(0, comma);
        one.remove_prefix(std::min(one.find_first_not_of(' '), one.size()));
        if (!parse_proxy_address(one).value)
            return {};
        list += (list.empty() ? "" : ", ") + in_quotes(one);
        more = comma != text.npos;
        text.remove_prefix(more ? comma + 1 : 0);
    }
    return list;
}

written<std::string> as_handoff_address(const node& node) {
    auto text = as_string(node, "a unix socket", "unix:/run/backend.sock");
    if (text.value && at_home(*text.value))
        return written<std::string>::refused(in_quotes(*text.value) + no_home);
    return text.value ? parse_handoff_address(*text.value) : text;
}

written<proxy_address> as_proxy_address(const node& node) {
    auto text = as_string(node, "an address", "192.0.2.1:443");
    if (!text.value)
        return written<proxy_address>::refused(std::move(text.problem));
    if (at_home(*text.value))
        return written<proxy_address>::refused(in_quotes(*text.value) + no_home);
    if (const auto list = list_in_one(*text.value); !list.empty())
        return written<proxy_address>::refused("one string has one address; write [" + list + "]");
    return parse_proxy_address(*text.value);
}

written<std::chrono::milliseconds> as_duration_or_none(const node& node) {
    return as_duration(node, std::chrono::milliseconds{0});
}

written<std::chrono::milliseconds> as_some_duration(const node& node) {
    return as_duration(node, limits::shortest_duration);
}

written<std::chrono::milliseconds> as_interval(const node& node) {
    return as_duration(node, limits::shortest_interval);
}

handoff_settings read_handoff(table_reader& in, handoff_settings made) {
    in.read("protocol", made.protocol, as_handoff_protocol);
    in.read("max_unanswered", made.max_unanswered,
            [](const node& node) { return as_integer(node, 1, limits::sessions); });
    const auto& protocol = traits_of(made.protocol);
    in.read("user", made.user, as_user);
    if (made.user && protocol.is_datagram &&
        std::ranges::any_of(made.paths, [](const auto& path) { return path.starts_with('@'); }))
        in.error(made.user->where, "user",
                 "of a datagram socket in the abstract namespace nobody knows whose it is; write a path");
    if (protocol.is_datagram)
        in.reject("ack_timeout", "protocol = " + in_quotes(protocol.name) +
                                     " has no acknowledgement; leave ack_timeout out");
    else
        in.read("ack_timeout", made.ack_timeout, as_some_duration);
    if (made.protocol == handoff_protocol::scgi)
        in.read("scgi_ack", made.scgi_ack, as_boolean);
    else
        in.reject("scgi_ack", "applies to protocol = \"scgi\" only; leave it out");
    return made;
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

void read_proxy(table_reader& in, proxy_settings& into) {
    in.read("proxy_protocol", into.header,
            [](const node& node) { return as_choice<proxy_protocol>(node, headers); });
    in.read("resolve_interval", into.resolve_interval, as_interval);
    in.read("connect_timeout", into.connect_timeout, as_some_duration);
    in.read("idle_timeout", into.idle_timeout, as_some_duration);
    in.read("max_lifetime", into.max_lifetime, as_duration_or_none);
    in.read("keepalive", into.keepalive, as_duration_or_none);
    in.read("user_timeout", into.user_timeout, as_duration_or_none);
    in.read("min_rate", into.min_rate,
            [](const node& node) { return as_size(node, 0, limits::largest_min_rate); });
    in.read("on_remove", into.on_remove, [](const node& node) { return as_choice<removal>(node, removals); });
    in.read("transparent", into.transparent, as_boolean);
}

relay_settings read_relay(table_reader& in, std::vector<proxy_address> addresses, position where) {
    relay_settings made;
    made.addresses = std::move(addresses);
    read_proxy(in, made);
    in.read("balance", made.balance, [](const node& node) { return as_choice<balance>(node, balances); });
    in.read("eject_after", made.eject_after,
            [](const node& node) { return as_integer(node, 0, limits::failures); });
    in.read("check", made.check, [](const node& node) { return as_choice<health_check>(node, checks); });
    in.read("check_interval", made.check_interval, as_interval);
    reject_each(in, forward_keys, "applies to proxy = [\"{host_name}:443\"] only; leave it out");
    if (made.transparent &&
        std::ranges::any_of(made.addresses, [](const proxy_address& one) { return !one.path.empty(); }))
        in.error(where, "transparent", "a unix socket has no source address; leave one of them out");
    return made;
}

forward_settings read_forward(table_reader& in, std::vector<proxy_address> addresses, position where) {
    forward_settings made;
    if (addresses.size() > 1)
        in.error(where, "proxy", "\"{host_name}\" stands alone; write a second backend for the others");
    made.address = std::move(*std::ranges::find_if(addresses, &proxy_address::is_asked_for));
    read_proxy(in, made);
    reject_each(in, relay_keys, "does not apply to \"{host_name}\"; leave it out");
    destinations given{false, {}, {}};
    if (in.read_each("allow_destinations", table_reader::lone_string::accepted, as_destination,
                     [&](const std::optional<ip_prefix>& one, position) {
                         one ? given.listed.push_back(*one) : void(given.public_ones = true);
                     }))
        made.allow_destinations = std::move(given);
    in.read_each("deny_destinations", table_reader::lone_string::accepted, as_prefix,
                 [&](const ip_prefix& one, position) { made.allow_destinations.denied.push_back(one); });
    return made;
}

// read_hold: who has a sorry backend wants it to answer at once, unless the file says otherwise.
void read_hold(table_reader& in, backend_draft& backend) {
    using namespace std::chrono_literals;
    auto& settings = backend.settings;
    in.read("sorry", backend.sorry, as_backend_name);
    if (backend.sorry || settings.forward())
        settings.hold = 0ms;
    if (settings.forward())
        in.reject("hold", "nobody is held for a host that a client chooses; leave it out");
    else
        in.read("hold", settings.hold, as_duration_or_none);
}

} // namespace

written<reference> as_backend_name(const node& node) {
    auto text = as_string(node, "a backend's name", "blog");
    if (!text.value)
        return written<reference>::refused(std::move(text.problem));
    return reference{std::move(*text.value), node.where};
}

backend_draft read_backend(const members& table, std::string_view name, position where, findings& findings) {
    backend_draft backend;
    auto& settings = backend.settings;
    settings.name = std::string(name);
    settings.where = where;
    settings.written = written_number(table);
    const bool plain = is_backend_name(name);
    const auto title = "backend." + (plain ? std::string(name) : in_quotes(name));
    if (!plain)
        findings.error(where, title + ": write a name of 1 to 64 letters, digits, \"-\", \"_\" or \".\"");

    table_reader in{table, title, findings};
    if (read_redirect(in, settings)) {
        in.finish();
        return backend;
    }
    using lone = table_reader::lone_string;
    handoff_settings sockets;
    std::vector<proxy_address> addresses;
    const bool handoff =
        in.read_each("handoff", lone::accepted, as_handoff_address, [&](std::string path, position of) {
            sockets.paths.push_back(std::move(path));
            sockets.positions.push_back(of);
        });
    const bool proxy =
        in.read_each("proxy", lone::accepted, as_proxy_address, [&](proxy_address address, position of) {
            addresses.push_back(std::move(address));
            addresses.back().where = of;
        });
    if (handoff && proxy)
        findings.error(where,
                       title + ": both handoff and proxy; write one, and a second backend for the other");
    // Where both are given, or none, the keys of both are read for the mistakes in them.
    if (handoff || !proxy)
        settings.kind = read_handoff(in, std::move(sockets));
    if (proxy || !handoff) {
        if (std::ranges::any_of(addresses, &proxy_address::is_asked_for))
            settings.kind = read_forward(in, std::move(addresses), where);
        else
            settings.kind = read_relay(in, std::move(addresses), where);
    }
    if (!handoff && !proxy)
        for (const auto key : forward_keys)
            (void)in.take(key);
    if (handoff && !proxy)
        for (const auto of : {keys{proxy_keys}, keys{relay_keys}, keys{forward_keys}})
            reject_each(in, of, "does not apply to a backend with handoff; leave it out");
    if (proxy && !handoff)
        reject_each(in, handoff_keys, "does not apply to a backend with proxy; leave it out");
    read_hold(in, backend);
    read_termination(in, settings, findings);
    read_ech_mode(in, settings);
    in.read("max_pending", settings.max_pending,
            [](const node& node) { return as_integer(node, 1, limits::sessions); });
    in.read("closes", settings.closes, as_boolean);
    in.finish(handoff || proxy ? keys{} : keys{kinds});
    if (!handoff && !proxy && !in.is_meant("handoff") && !in.is_meant("proxy") && !in.is_meant("redirect"))
        findings.error(where, title + ": neither handoff nor proxy; write handoff = \"unix:/run/" +
                                  std::string(name) +
                                  ".sock\" for a process on this machine, or proxy = [\"192.0.2.1:443\"]");
    return backend;
}

} // namespace snipass::config
