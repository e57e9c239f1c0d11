// SPDX-License-Identifier: BSL-1.0
// The text of `snipass explain`. It decides nothing itself: the table gives the candidates and decide() the
// rest, so the explanation cannot differ from what the router does.
#include "snipass/config/explain.hpp"

#include "closed_doors.hpp"
#include "describe_backend.hpp"
#include "explain_refusal.hpp"

#include "snipass/base/host_name.hpp"
#include "snipass/config/decision.hpp"
#include "snipass/config/nearest.hpp"
#include "snipass/http/answer.hpp"

#include <algorithm>

namespace snipass::config {
namespace {

std::string_view kind_name(route::pattern_kind kind) {
    switch (kind) {
    case route::pattern_kind::exact:
        return "exact name";
    case route::pattern_kind::wildcard:
        return "wildcard";
    case route::pattern_kind::regex:
        return "regex";
    case route::pattern_kind::any:
        break;
    }
    return {};
}

std::string describe(const configuration& configuration, const route::table::candidate& candidate) {
    const auto where = at_line(configuration, configuration.routes[candidate.rule].where);
    if (candidate.kind == route::pattern_kind::any)
        return "route at " + where + " by its conditions (it has no names, so it is asked first)";
    const route::pattern pattern{candidate.kind, candidate.pattern};
    return "route at " + where + " by " + in_quotes(pattern.to_string()) + " (" +
           std::string(kind_name(candidate.kind)) + ")";
}

std::string unmet_request(const route_settings& route, const route::table::candidate& candidate,
                          const explain_query& query) {
    if (!query.request)
        return "it asks for a request of HTTP, the client speaks TLS";
    std::string reasons;
    if (!candidate.path_holds)
        reasons =
            "it asks for a path in " +
            listed(route.paths, [](const route::path_pattern& one) { return in_quotes(one.to_string()); }) +
            ", the client's is " + in_quotes(query.request->path);
    if (!candidate.method_holds)
        reasons += (reasons.empty() ? "" : "; ") + std::string{"it asks for the method "} +
                   listed(route.methods, in_quotes) + ", the client's is " + in_quotes(query.request->method);
    return reasons;
}

// unmet is what of a rule's conditions does not hold.
std::string unmet(const route_settings& route, const route::table::candidate& candidate,
                  const explain_query& query) {
    std::string reasons;
    if (!candidate.alpn_holds) {
        reasons += "it asks for ALPN " + listed(route.alpn, in_quotes) + ", the client offers ";
        reasons += query.alpn.empty() ? "none" : listed(query.alpn, in_quotes);
    }
    if (!candidate.source_holds) {
        if (!reasons.empty())
            reasons += "; ";
        reasons += "it asks for a source in " +
                   listed(route.source, [](const ip_prefix& prefix) { return prefix.to_string(); });
        reasons +=
            query.source ? ", the client is " + query.source->to_string() : ", the client's is not given";
    }
    if (!candidate.path_holds || !candidate.method_holds)
        reasons += (reasons.empty() ? "" : "; ") + unmet_request(route, candidate, query);
    if (reasons.empty())
        reasons = "it redirects to the client's host, which no route has";
    return reasons;
}

std::string_view why_later(const route::table::candidate& winner, const route::table::candidate& later) {
    const bool equal = winner.kind == later.kind &&
                       (winner.kind == route::pattern_kind::regex || winner.pattern == later.pattern);
    if (equal)
        return "it comes later in the file";
    return winner.kind == route::pattern_kind::any ? "it has names, so it is asked later"
                                                   : "it is less specific";
}

// The wire form that alpn_list is a view of. A protocol that does not fit its length byte cannot be offered.
std::string to_wire(const std::vector<std::string>& protocols) {
    std::string entries;
    for (const auto& protocol : protocols)
        if (!protocol.empty() && protocol.size() <= 255)
            (entries += static_cast<char>(static_cast<unsigned char>(protocol.size()))) += protocol;
    return entries;
}

std::vector<route::table::candidate> find_candidates(const configuration& configuration,
                                                     const explain_query& query) {
    const auto name = host_name::parse(query.host_name);
    const auto alpn = to_wire(query.alpn);
    route::request_facts request;
    if (query.request)
        request = {query.request->method, query.request->path, !query.request->problem.empty()};
    const route::client_facts client{query.source.value_or(ip_address{}), alpn_list{as_bytes(alpn)},
                                     query.request ? &request : nullptr};
    const auto& table = configuration.table;
    auto candidates = name ? table.candidates(*name, client) : table.candidates(client);
    for (auto& candidate : candidates)
        if (!query.source && !configuration.routes[candidate.rule].source.empty())
            candidate.source_holds = false;
    return candidates;
}

// is_for_handoffs: the query is of a listener where clients may come by datagram.
bool is_for_handoffs(const configuration& configuration, const explain_query& query) {
    return std::ranges::any_of(configuration.listeners, [&](const listener_settings& one) {
        return one.address == query.listener && one.is_for_handoffs();
    });
}

std::string explain_route(const configuration& configuration, const explain_query& query,
                          const route::table::candidate& winner) {
    const auto& backend = configuration.backends[configuration.routes[winner.rule].backend];
    const auto who = query.host_name.empty() ? "a client without a host name" : in_quotes(query.host_name);
    auto text = who + " goes to backend " + in_quotes(backend.name) + "\n  " +
                describe(configuration, winner) + "\n  " +
                describe_backend(configuration, backend, is_for_handoffs(configuration, query)) + "\n";
    if (backend.termination && query.request)
        text += "  its clients come by TLS (tls = \"terminate\"), so this one gets no answer\n";
    if (const auto* const redirect = backend.redirect(); redirect && query.request) {
        const auto name = host_name::parse(query.host_name);
        const auto status = redirect->status.value_or(http::redirect_status(query.request->method));
        text +=
            "  it is answered " + std::to_string(status) + ", Location: " +
            redirect->location_for(name ? name->text() : "", query.request->raw_path, query.request->query) +
            "\n";
    }
    return text;
}

std::string explain_refusal(const configuration& configuration, const explain_query& query,
                            bool has_candidates) {
    const bool named = !query.host_name.empty();
    std::string text = named ? in_quotes(query.host_name) : "a client without a host name";
    if (!named)
        text += has_candidates ? " has no route whose conditions hold\n" : " has no route\n";
    else if (!host_name::parse(query.host_name))
        text += " is not a host name, so no route has it\n";
    else
        text += has_candidates ? " has no route whose conditions hold\n" : " is in no route\n";

    const auto name = host_name::parse(query.host_name);
    constexpr std::uint16_t not_found = 404; // other requests for the name have a route
    return text + on_each_listener(configuration, query,
                                   named ? hello_kind::with_name : hello_kind::without_name,
                                   {"unrecognized_name",
                                    name && configuration.table.knows(*name) ? not_found : std::uint16_t{0}});
}

std::string explain_refusal(const configuration& configuration, const explain_query& query,
                            const refused_hello& refused) {
    const std::string what = refused.kind == hello_kind::malformed ? "malformed, so no route is looked up: "
                             : query.request                       ? "no HTTP/1: "
                                                                   : "no TLS: ";
    return what + refused.reason + "\n" +
           on_each_listener(configuration, query, refused.kind, {refused.alert, refused.status});
}

// explain_undecided: its path decides, and has no normal form.
std::string explain_undecided(const configuration& configuration, const explain_query& query,
                              const route::table::candidate& asks) {
    return "malformed, since the " + describe(configuration, asks) +
           " asks for paths: " + query.request->problem + "\n" +
           on_each_listener(configuration, query, hello_kind::malformed, {});
}

// listener_problem: a client comes by a listener of its protocol. Empty: it can.
std::string listener_problem(const configuration& configuration, const explain_query& query) {
    std::vector<std::string_view> addresses;
    for (const auto& listener : configuration.listeners) {
        addresses.push_back(listener.address);
        if (listener.address != query.listener || listener.protocol == query.protocol())
            continue;
        return "listener " + in_quotes(query.listener) +
               (query.request ? " has protocol = \"tls\"; write a host name in place of --http"
                              : " has protocol = \"http\"; write --http \"GET http://" +
                                    (query.host_name.empty() ? "www.example.com" : query.host_name) + "/\"");
    }
    if (query.listener.empty() || std::ranges::find(addresses, query.listener) != addresses.end())
        return {};
    return "there is no listener " + in_quotes(query.listener) + "; " + propose(query.listener, addresses);
}

} // namespace

explained_request request_of(const http::request_head& head) {
    explained_request made{
        std::string{head.method}, std::string{head.path}, std::string{head.raw_path}, {}, {}};
    if (head.query)
        made.query = *head.query;
    if (head.unsafe)
        made.problem = make_error_code(*head.unsafe).message();
    return made;
}

written<std::string> explain(const configuration& configuration, const explain_query& query) {
    if (auto problem = listener_problem(configuration, query); !problem.empty())
        return written<std::string>::refused(std::move(problem));

    if (query.refused)
        return with_closed_doors(configuration, query, explain_refusal(configuration, query, *query.refused));
    // A URL, or a name with its port: no client sends that.
    if (!query.request && query.host_name.find_first_of(":/") != query.host_name.npos)
        if (const auto name = route::pattern::parse(query.host_name); !name.value)
            return written<std::string>::refused(in_quotes(query.host_name) + ": " + name.problem);
    const auto candidates = find_candidates(configuration, query);
    const auto host = host_name::parse(query.host_name);
    const auto winner = std::ranges::find_if(candidates, &route::table::candidate::holds);
    if (winner != candidates.end() && !winner->is_decided)
        return explain_undecided(configuration, query, *winner);
    const bool has_won =
        winner != candidates.end() && may_have(configuration, winner->rule, winner->kind, host);
    auto text = has_won ? explain_route(configuration, query, *winner)
                        : explain_refusal(configuration, query, !candidates.empty());
    for (auto one = candidates.begin(); one != candidates.end(); ++one) {
        if (one == winner && has_won)
            continue;
        text += "  not the " + describe(configuration, *one) + ": ";
        text +=
            one <= winner ? unmet(configuration.routes[one->rule], *one, query) : why_later(*winner, *one);
        text += "\n";
    }
    return with_closed_doors(configuration, query, std::move(text));
}

} // namespace snipass::config
