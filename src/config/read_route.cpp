// SPDX-License-Identifier: BSL-1.0
// [[route]]
#include "draft.hpp"
#include "reader.hpp"
#include "snipass/config/limits.hpp"
#include "snipass/http/path.hpp"
#include "written_number.hpp"

#include <algorithm>

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

// as_path takes a path as it is compared, and none that a client's never is.
written<route::path_pattern> as_path(const node& node) {
    using result = written<route::path_pattern>;
    const auto text = as_string(node, "a path", "/live/*");
    if (!text.value)
        return result::refused(text.problem);
    const auto shown = in_quotes(*text.value);
    const bool is_folder = text.value->ends_with("/*");
    const auto plain = text.value->substr(0, text.value->size() - (is_folder ? 1 : 0));
    if (!plain.starts_with('/'))
        return result::refused(
            shown + " does not begin with \"/\"; write " +
            (plain.find("://") == plain.npos ? in_quotes("/" + *text.value) : "one such as \"/live/*\""));
    if (const auto star = plain.find('*'); star != plain.npos) {
        const auto folder = plain.substr(0, star);
        return result::refused(shown + " has a \"*\" elsewhere than behind its last \"/\"; write " +
                               in_quotes(folder + (folder.ends_with('/') ? "*" : "/*")));
    }
    if (const auto query = plain.find_first_of("?#"); query != plain.npos)
        return result::refused(shown + " has a query, which is no part of a path; write " +
                               in_quotes(plain.substr(0, query)));
    std::vector<std::uint8_t> scratch;
    const auto normal = http::normalise_path(plain, scratch);
    if (!normal)
        return result::refused(shown + ": " + normal.error().message() + "; write one such as \"/live/*\"");
    if (*normal != plain)
        return result::refused(shown + " is compared in its normal form; write " +
                               in_quotes(std::string{*normal} + (is_folder ? "*" : "")));
    return route::path_pattern{plain, is_folder};
}

// as_method takes a token (RFC 9110 section 5.6.2), in capitals as all methods are.
written<std::string> as_method(const node& node) {
    using result = written<std::string>;
    auto text = as_string(node, "a method", "GET");
    if (!text.value)
        return text;
    const auto is_small = [](char c) { return c >= 'a' && c <= 'z'; };
    const auto is_plain = [&](char c) {
        return (c >= 'A' && c <= 'Z') || is_small(c) || (c >= '0' && c <= '9') || c == '-' || c == '_';
    };
    if (text.value->empty() || text.value->size() > limits::method ||
        !std::ranges::all_of(*text.value, is_plain))
        return result::refused(in_quotes(*text.value) + " is no method; write one such as \"GET\"");
    if (std::ranges::any_of(*text.value, is_small)) {
        auto large = *text.value;
        std::ranges::transform(large, large.begin(),
                               [&](char c) { return is_small(c) ? static_cast<char>(c - 'a' + 'A') : c; });
        return result::refused(in_quotes(*text.value) + ": case counts in a method; write " +
                               in_quotes(large));
    }
    return text;
}

// read_request reads what only clients say that speak HTTP in clear. False: nothing of it is there.
bool read_request(table_reader& in, route_draft& route) {
    using lone = table_reader::lone_string;
    const auto note = [&](position at) {
        if (route.http_where == position{})
            route.http_where = at;
    };
    const bool paths =
        in.read_each("paths", lone::refused, as_path, [&](route::path_pattern path, position at) {
            route.rule.paths.push_back(std::move(path));
            note(at);
        });
    const bool methods =
        in.read_each("methods", lone::refused, as_method, [&](std::string method, position at) {
            route.rule.methods.push_back(std::move(method));
            note(at);
        });
    return paths || methods;
}

} // namespace

route_draft read_route(const members& table, position where, findings& findings) {
    route_draft route;
    route.where = where;
    route.written = written_number(table);
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
    const bool request = read_request(in, route);
    if (alpn && request)
        in.error(where, "alpn",
                 "who speaks HTTP in clear offers no protocols, so nobody would come here; leave "
                 "alpn out, or paths and methods");
    const bool backend = in.read("backend", route.backend, as_backend_name);
    in.finish();
    constexpr std::string_view conditions[] = {"names", "alpn", "source", "paths", "methods"};
    const bool condition = names || alpn || source || request;
    if (!condition && std::ranges::none_of(conditions, [&](auto key) { return in.is_meant(key); }))
        findings.error(where,
                       "route: no names, and no other condition; write names = [\"www.example.com\"], or "
                       "a [default] for all clients that no route takes");
    if (!backend && !in.is_meant("backend"))
        findings.error(where, "route: no backend; write backend = \"NAME\", and a [backend.NAME]");
    return route;
}

} // namespace snipass::config
