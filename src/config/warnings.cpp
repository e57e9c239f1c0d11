// SPDX-License-Identifier: BSL-1.0
// What is allowed and hardly meant.
#include "draft.hpp"
#include "snipass/base/public_address.hpp"
#include "snipass/config/written.hpp"
#include "snipass/route/shadow.hpp"

#include <algorithm>

namespace snipass::config {
namespace {

// used_backends tells for each backend whether a route or [default] leads to it.
std::vector<bool> used_backends(const draft& draft) {
    std::vector<bool> used(draft.backends.size());
    const auto mark = [&](std::optional<std::size_t> index) {
        for (; index && !used[*index]; index = draft.backends[*index].settings.sorry)
            used[*index] = true;
    };
    for (const auto& route : draft.routes)
        mark(route.backend_index);
    mark(draft.default_index);
    return used;
}

void warn_of_unused(const draft& draft, const std::vector<bool>& used, findings& findings) {
    for (std::size_t i = 0; i < used.size(); ++i) {
        const auto& settings = draft.backends[i].settings;
        if (!used[i])
            findings.warning(settings.where,
                             "backend." + settings.name +
                                 ": nothing leads to it; write it into a route, a sorry or [default], or "
                                 "leave it out");
    }
}

bool needs_unread_bytes(const backend_settings& settings) {
    const auto* const handoff = settings.handoff();
    return handoff && traits_of(handoff->protocol).needs_unread_bytes;
}

bool consumes(const backend_settings& settings) {
    const auto* const handoff = settings.handoff();
    return handoff && !needs_unread_bytes(settings) && !handoff->acknowledges();
}

// A datagram, or a message of SCGI, carries the client's bytes, which the router has then consumed: should it
// fail after that, a `stream` receiver, which expects them in the socket, cannot have the client.
void warn_of_consumed_bytes(const draft& draft, findings& findings) {
    for (const auto& backend : draft.backends) {
        const auto& settings = backend.settings;
        // In clear the client has another socket for each backend, and what was read comes first there.
        const bool is_put_back =
            settings.termination && settings.termination->plaintext == plaintext_kind::relay;
        if (!consumes(settings) || !settings.sorry || is_put_back)
            continue;
        const auto& sorry = draft.backends[*settings.sorry].settings;
        if (!needs_unread_bytes(sorry))
            continue;
        findings.warning(backend.sorry->where,
                         "backend." + settings.name + ".sorry: " + in_quotes(sorry.name) +
                             " is handed sockets by " + in_quotes(traits_of(sorry.handoff()->protocol).name) +
                             ", which needs the client's bytes unread; in the rare case "
                             "that a message fails after they were read, the client is closed instead");
    }
}

// Behind the handshake there is no way back to a backend that does TLS itself.
void warn_of_lost_hellos(const draft& draft, findings& findings) {
    for (const auto& backend : draft.backends) {
        const auto& settings = backend.settings;
        if (!settings.termination || !settings.sorry)
            continue;
        const auto& sorry = draft.backends[*settings.sorry].settings;
        if (!sorry.termination)
            findings.warning(
                backend.sorry->where,
                "backend." + settings.name + ".sorry: " + in_quotes(sorry.name) +
                    " does TLS itself, so it gets clients only while snipass-tls is away, and none "
                    "once their handshake is done; write a backend with tls = \"terminate\"");
    }
}

// warn_of_clear_text: what TLS has protected on its way here goes on without it.
void warn_of_clear_text(const draft& draft, findings& findings) {
    for (const auto& backend : draft.backends) {
        const auto* const relay = backend.settings.relay();
        const auto& ends = backend.settings.termination;
        const bool is_clear = ends && !ends->encryption;
        for (std::size_t i = 0; is_clear && relay && i < relay->addresses.size(); ++i) {
            const auto address = ip_address::parse(relay->addresses[i].host);
            if (address && is_public(*address))
                findings.warning(
                    relay->addresses[i].where,
                    "backend." + backend.settings.name + ".proxy: " + in_quotes(relay->addresses[i].text) +
                        " is a public address, and what its clients say goes there in clear; write "
                        "backend_tls = true, or an address of a network that is yours");
        }
    }
}

// may_be_at: a connection to `address` may come to this listener. Which addresses this machine has besides
// those of loopback is nothing that the text tells.
bool may_be_at(const listener_settings& listener, const ip_endpoint& address) {
    if (!listener.endpoint || listener.endpoint->port != address.port || address.port == 0)
        return false;
    static const auto loopback_v4 = *ip_prefix::parse("127.0.0.0/8");
    static const auto loopback_v6 = *ip_prefix::parse("::1/128");
    const auto& own = listener.endpoint->address;
    const bool any_v4 = own == ip_address{} || own == ip_address::v4({});
    return own == address.address || (any_v4 && loopback_v4.contains(address.address)) ||
           (own == ip_address{} && loopback_v6.contains(address.address));
}

// localhost needs no resolver (RFC 6761 section 6.3); where other names lead is found out at run time.
std::vector<ip_address> written_addresses(const std::string& host) {
    if (host == "localhost")
        return {*ip_address::parse("127.0.0.1"), *ip_address::parse("::1")};
    const auto address = ip_address::parse(host);
    return address ? std::vector{*address} : std::vector<ip_address>{};
}

// Routes are the same for all listeners, so what comes back here takes the same way again, until the
// descriptors are used up.
void warn_of_loop(const draft& draft, const backend_draft& backend, findings& findings) {
    const auto* const relay = backend.settings.relay();
    for (std::size_t i = 0; relay && i < relay->addresses.size(); ++i) {
        const auto& to = relay->addresses[i];
        const auto addresses = written_addresses(to.host);
        const auto own = std::ranges::find_if(draft.listeners, [&](const listener_draft& listener) {
            return std::ranges::any_of(addresses, [&](const ip_address& one) {
                return may_be_at(listener.settings, {one, to.port});
            });
        });
        if (own != draft.listeners.end())
            findings.warning(to.where,
                             "backend." + backend.settings.name + ".proxy: " + in_quotes(to.text) +
                                 " is the listener at " + findings.at_line(own->where, to.where) +
                                 ", and its clients would go round; write the address of another server");
    }
}

// how_taken: how the rule that takes a name from another one has it.
std::string how_taken(const route::rule& by) {
    return by.has_conditions() ? " for the same clients, or for more" : " without any condition";
}

// has_every_name: the rule that leaves nothing to the regexes behind it, and by which name.
std::string has_every_name(const std::string& line, const route::rule& rule) {
    const auto name = std::ranges::find_if(rule.names, &route::pattern::takes_every_name);
    return "the route at " + line + " has " + in_quotes(name->to_string()) + how_taken(rule);
}

// write_above: nothing stands above what is in another file.
std::string write_above(const draft& draft, const route::shadowed_name& name) {
    const bool is_here = draft.routes[name.by].where.file == draft.routes[name.rule].where.file;
    return is_here ? "; write this route above it" : "; write this route into that file, above it";
}

void warn_of_dead_route(const draft& draft, const std::vector<route::rule>& rules,
                        const route::shadowed_name& first, findings& findings) {
    using reason = route::shadowed_name::reason;
    const auto& names = rules[first.rule].names;
    const auto line = findings.at_line(draft.routes[first.by].where, draft.routes[first.rule].where);
    const auto by = "the route at " + line;
    const auto above = write_above(draft, first) + ", or leave it out";
    std::string why;
    if (first.why == reason::no_names && names.empty())
        why = by + " has no names either, and takes the same clients, or more" + above;
    else if (first.why == reason::no_names)
        why = by + " has no names, so it is asked first, and takes the same clients, or more; write names "
                   "into that one, or leave this one out";
    else if (first.why == reason::every_name)
        why = has_every_name(line, rules[first.by]) + above;
    else
        why = by + " has " + in_quotes(names[first.name].to_string()) + how_taken(rules[first.by]) +
              (names.size() > 1 ? ", and the other names are taken too" : "") + above;
    findings.warning(draft.routes[first.rule].where, "route: can never win: " + why);
}

void warn_of_name(const draft& draft, const std::vector<route::rule>& rules, const route::shadowed_name& name,
                  findings& findings) {
    const auto text = in_quotes(rules[name.rule].names[name.name].to_string());
    const auto where = draft.routes[name.rule].name_positions[name.name];
    const auto line = findings.at_line(draft.routes[name.by].where, where);
    std::string why;
    if (name.why == route::shadowed_name::reason::every_name)
        why = " never comes here: " + has_every_name(line, rules[name.by]) + write_above(draft, name);
    else if (name.by == name.rule)
        why = " is in this route already; leave it out";
    else
        why = " never comes here: the route at " + line + " has it" + how_taken(rules[name.by]) +
              "; write it into one of them";
    findings.warning(where, "route.names: " + text + why);
}

// plainly_named: a name of this rule goes to it whatever regexes there are elsewhere.
bool plainly_named(const route::rule& rule) {
    return !rule.has_conditions() && std::ranges::any_of(rule.names, [](const route::pattern& one) {
        return one.kind != route::pattern_kind::regex;
    });
}

// Somebody who wants all clients that fulfil a condition, and writes "/.*/" for that, gets none that ask for
// a name of another route.
void warn_of_late_conditions(const draft& draft, const std::vector<route::rule>& rules, findings& findings) {
    const auto named = std::ranges::find_if(rules, plainly_named);
    if (named == rules.end())
        return;
    const auto other = draft.routes[static_cast<std::size_t>(named - rules.begin())].where;
    for (std::size_t i = 0; i < rules.size(); ++i) {
        const auto& names = rules[i].names;
        const auto name = std::ranges::find_if(names, &route::pattern::takes_every_name);
        if (!rules[i].has_conditions() || name == names.end())
            continue;
        const auto where = draft.routes[i].name_positions[static_cast<std::size_t>(name - names.begin())];
        findings.warning(where,
                         "route.names: " + in_quotes(name->to_string()) +
                             " comes after all exact names and wildcards: clients of those of the route at " +
                             findings.at_line(other, where) +
                             " never come here; leave names out, and this route is asked first");
    }
}

// A name server has no such name, though a client may send it (RFC 952: no label has its hyphen at an end).
void warn_of_hyphens(const draft& draft, const std::vector<route::rule>& rules, findings& findings) {
    const auto is_odd = [](const route::pattern& one) {
        const std::string_view text = one.text;
        return one.kind != route::pattern_kind::regex &&
               (text.starts_with('-') || text.ends_with('-') || text.find("-.") != text.npos ||
                text.find(".-") != text.npos);
    };
    for (std::size_t i = 0; i < rules.size(); ++i)
        for (std::size_t k = 0; k < rules[i].names.size(); ++k)
            if (is_odd(rules[i].names[k]))
                findings.warning(draft.routes[i].name_positions[k],
                                 "route.names: " + in_quotes(rules[i].names[k].to_string()) +
                                     " has a label that begins or ends with \"-\", as no host's name has; "
                                     "write it without");
}

// A path with a port behind it was an address before.
void warn_of_ports(const draft& draft, findings& findings) {
    for (const auto& backend : draft.backends) {
        const auto* const handoff = backend.settings.handoff();
        for (std::size_t i = 0; handoff && i < handoff->paths.size(); ++i) {
            const auto& path = handoff->paths[i];
            const auto last = path.find_last_not_of("0123456789");
            if (last != path.npos && last + 1 < path.size() && path[last] == ':')
                findings.warning(handoff->positions[i], "backend." + backend.settings.name +
                                                            ".handoff: " + in_quotes("unix:" + path) +
                                                            " ends like a port, and a path has none; write " +
                                                            in_quotes("unix:" + path.substr(0, last)));
        }
    }
}

} // namespace

void warn_of_shadowed_names(const draft& draft, const std::vector<route::rule>& rules, findings& findings) {
    const auto shadowed = route::find_shadowed(rules);
    for (auto first = shadowed.begin(); first != shadowed.end();) {
        const auto rule = first->rule;
        const auto behind =
            std::find_if(first, shadowed.end(), [&](const auto& name) { return name.rule != rule; });
        const auto count = static_cast<std::size_t>(behind - first);
        // A name that the route has twice is not its first one, so the first one is another route's.
        if (count >= rules[rule].names.size())
            warn_of_dead_route(draft, rules, *first, findings);
        else
            std::for_each(first, behind,
                          [&](const auto& name) { warn_of_name(draft, rules, name, findings); });
        first = behind;
    }
    warn_of_late_conditions(draft, rules, findings);
    warn_of_hyphens(draft, rules, findings);
}

void warn_of_backends(const draft& draft, findings& findings) {
    const auto used = used_backends(draft);
    warn_of_unused(draft, used, findings);
    warn_of_ports(draft, findings);
    warn_of_consumed_bytes(draft, findings);
    warn_of_lost_hellos(draft, findings);
    warn_of_clear_text(draft, findings);
    for (std::size_t i = 0; i < used.size(); ++i)
        if (used[i])
            warn_of_loop(draft, draft.backends[i], findings);
}

} // namespace snipass::config
