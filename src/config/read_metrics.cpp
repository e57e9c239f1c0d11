// SPDX-License-Identifier: BSL-1.0
// [metrics]
#include "draft.hpp"
#include "reader.hpp"
#include "snipass/base/host_name.hpp"
#include "snipass/config/address.hpp"

#include <boost/algorithm/string/join.hpp>

#include <algorithm>
#include <set>

namespace snipass::config {
namespace {

using address = written<metrics_address>;

constexpr std::string_view example = "127.0.0.1:9145";

std::string loopback_with(std::string_view port) {
    return in_quotes("127.0.0.1:" + std::string(port));
}

// no_address: what was probably meant.
std::string no_address(std::string_view text) {
    const auto quoted = in_quotes(text);
    const auto colon = text.rfind(':');
    const auto port = text.substr(colon == text.npos ? 0 : colon + 1);
    const bool has_port = !port.empty() && port.find_first_not_of("0123456789") == port.npos;
    if (text.starts_with('/') || text.starts_with('@'))
        return quoted + " is a path; write " + in_quotes("unix:" + std::string(text));
    if (text.starts_with("systemd:") || text.starts_with("handoff:"))
        return quoted + " is for a [[listener]]; metrics have a socket of their own; write " +
               in_quotes(example) + " or \"unix:/run/snipass/metrics.sock\"";
    if (text.find("://") != text.npos)
        return quoted + " is a URL; write the address alone, such as " + in_quotes(example);
    if (has_port && colon == text.npos)
        return quoted + " is a port alone; write " + loopback_with(port);
    if (has_port && host_name::parse(text.substr(0, colon)))
        return quoted + " is a name; write an address, such as " + loopback_with(port);
    if (ip_address::parse(text))
        return quoted + " has no port, or no brackets; write " +
               in_quotes(ip_endpoint{*ip_address::parse(text), 9145}.to_string());
    return quoted + " is not an address and a port; write one such as " + in_quotes(example) +
           " or \"unix:/run/snipass/metrics.sock\"";
}

address as_unix(const std::string& text) {
    auto path = parse_handoff_address(text);
    if (!path.value)
        return address::refused(std::move(path.problem));
    if (path.value->starts_with('@'))
        return address::refused(in_quotes(text) + " is in the abstract namespace, where nothing keeps "
                                                  "strangers out; write a path such as "
                                                  "\"unix:/run/snipass/metrics.sock\"");
    return metrics_address{.text = text, .path = std::move(*path.value)};
}

address as_metrics_address(const node& node) {
    if (const auto* const port = std::get_if<std::int64_t>(&node.value); port && *port > 0 && *port <= 65'535)
        return address::refused("expected an address in quotes, not a port alone; write " +
                                loopback_with(std::to_string(*port)));
    const auto text = as_string(node, "an address", example);
    if (!text.value)
        return address::refused(text.problem);
    if (text.value->starts_with("unix:"))
        return as_unix(*text.value);
    const auto parsed = parse_listener_address(*text.value);
    if (!parsed.value || !parsed.value->endpoint || !parsed.value->interface.empty())
        return address::refused(no_address(*text.value));
    return metrics_address{.text = *text.value,
                           .endpoint = parsed.value->endpoint,
                           .every_address = parsed.value->every_address};
}

// as_host takes the name that stands in the Host header, without its port.
written<std::string> as_host(const node& node) {
    using result = written<std::string>;
    auto text = as_string(node, "a host name", "router.example.com");
    if (!text.value)
        return text;
    const auto name = host_name::parse(*text.value);
    if (!name)
        return result::refused(in_quotes(*text.value) +
                               " is no host name; write one without a port, such as \"router.example.com\" "
                               "(addresses and \"localhost\" need not be listed)");
    return std::string(name->text());
}

// check_doubles: one address is opened once.
void check_doubles(const metrics_settings& metrics, findings& findings) {
    std::set<std::string> seen;
    for (const auto& one : metrics.addresses) {
        const bool any_port = one.endpoint && one.endpoint->port == 0;
        const auto what = one.endpoint ? one.endpoint->to_string() : one.path;
        if (!any_port && !seen.insert(what).second)
            findings.error(one.where,
                           "metrics.address: " + in_quotes(one.text) + " is there already; leave it out");
    }
}

void warn_of_strangers(const metrics_settings& metrics, findings& findings) {
    for (const auto& one : metrics.addresses)
        if (!one.is_local())
            findings.warning(one.where,
                             "metrics.address: " + in_quotes(one.text) +
                                 " is not loopback: whoever gets there reads the names of backends and the "
                                 "addresses of clients; write " +
                                 loopback_with(std::to_string(one.endpoint->port)) +
                                 " or \"unix:PATH\", or let a firewall keep strangers out");
}

// name_of a route is its first name as written, and what else must hold.
std::string name_of(const route::rule& rule) {
    auto name = rule.names.empty() ? std::string("any name") : rule.names.front().to_string();
    if (!rule.alpn.empty())
        name += " alpn=" + boost::algorithm::join(rule.alpn, ",");
    if (!rule.methods.empty())
        name += " methods=" + boost::algorithm::join(rule.methods, ",");
    for (const auto& one : rule.paths)
        name += (&one == rule.paths.data() ? " paths=" : ",") + one.text + (one.is_folder ? "*" : "");
    for (const auto& prefix : rule.source)
        name += (&prefix == rule.source.data() ? " source=" : ",") + prefix.to_string();
    return name;
}

} // namespace

bool metrics_address::is_local() const {
    static const auto loopback_v4 = *ip_prefix::parse("127.0.0.0/8");
    static const auto loopback_v6 = *ip_prefix::parse("::1/128");
    return !endpoint || loopback_v4.contains(endpoint->address) || loopback_v6.contains(endpoint->address);
}

metrics_settings read_metrics(const members& table, position where, findings& findings) {
    metrics_settings metrics;
    metrics.where = where;
    table_reader in{table, "metrics", findings};
    const auto keep = [&](metrics_address one, position at) {
        one.where = at;
        metrics.addresses.push_back(std::move(one));
    };
    const auto* const given = in.take("address");
    const bool is_array = given && std::holds_alternative<elements>(given->value.value);
    if (is_array) {
        in.read_each("address", table_reader::lone_string::accepted, as_metrics_address, keep);
    } else if (given) {
        auto one = as_metrics_address(given->value);
        if (one.value)
            keep(std::move(*one.value), given->value.where);
        else
            in.error(given->value.where, "address", one.problem);
    }
    in.read_each("hosts", table_reader::lone_string::refused, as_host,
                 [&](std::string name, position) { metrics.hosts.push_back(std::move(name)); });
    in.read("routes", metrics.routes, as_boolean);
    in.finish();
    if (!given && !in.is_meant("address"))
        findings.error(where, "metrics: no address; write address = " + in_quotes(example) +
                                  ", or leave [metrics] out");
    check_doubles(metrics, findings);
    warn_of_strangers(metrics, findings);
    return metrics;
}

// name_routes: a name is what a counter is known by, so a second one like it gets a number.
std::vector<std::string> name_routes(const std::vector<route::rule>& rules) {
    std::vector<std::string> names;
    std::set<std::string> seen;
    names.reserve(rules.size());
    for (const auto& rule : rules) {
        const auto first = name_of(rule);
        auto name = first;
        for (std::size_t i = 2; !seen.insert(name).second; ++i)
            name = first + " #" + std::to_string(i);
        names.push_back(std::move(name));
    }
    return names;
}

} // namespace snipass::config
