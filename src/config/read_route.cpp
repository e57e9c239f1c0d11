// SPDX-License-Identifier: BSL-1.0
// [[route]]
#include "draft.hpp"
#include "reader.hpp"

namespace snipass::config {
namespace {

written<route::pattern> as_pattern(const node& node) {
    using result = written<route::pattern>;
    const auto text = as_string(node, "a host name", "www.example.com");
    if (!text.value)
        return result::refused(text.problem);
    auto parsed = route::pattern::parse(*text.value);
    if (!parsed.value)
        return result::refused(in_quotes(*text.value) + ": " + parsed.problem);
    return std::move(*parsed.value);
}

} // namespace

route_draft read_route(const members& table, position where, findings& findings) {
    route_draft route;
    route.where = where;
    table_reader in{table, "route", findings};
    using lone = table_reader::lone_string;

    const bool names =
        in.read_each("names", lone::refused, as_pattern, [&](route::pattern pattern, position at) {
            route.rule.names.push_back(std::move(pattern));
            route.name_positions.push_back(at);
        });
    const bool alpn = in.read_each("alpn", lone::refused, as_alpn, [&](std::string protocol, position) {
        route.rule.alpn.push_back(std::move(protocol));
    });
    const bool source =
        in.read_each("source", lone::refused, as_prefix,
                     [&](const ip_prefix& prefix, position) { route.rule.source.push_back(prefix); });
    const bool backend = in.read("backend", route.backend, as_backend_name);
    in.finish();
    const bool condition = names || alpn || source;
    if (!condition && !in.is_meant("names") && !in.is_meant("alpn") && !in.is_meant("source"))
        findings.error(where,
                       "route: no names, and no other condition; write names = [\"www.example.com\"], or "
                       "a [default] for all clients that no route takes");
    if (!backend && !in.is_meant("backend"))
        findings.error(where, "route: no backend; write backend = \"NAME\", and a [backend.NAME]");
    return route;
}

} // namespace snipass::config
