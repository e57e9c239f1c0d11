// SPDX-License-Identifier: BSL-1.0
// What only shows when all listeners are known: an address that is there twice, clients that are sent
// nowhere.
#include "draft.hpp"
#include "snipass/config/written.hpp"

#include <algorithm>
#include <map>

namespace snipass::config {
namespace {

// identity is what no two listeners may share; empty: nothing (port 0 is another free port each time).
std::string identity(const listener_settings& listener) {
    if (!listener.systemd_name.empty()) // for clients or for handoffs: it cannot be both
        return "systemd:" + listener.systemd_name;
    if (!listener.handoff_path.empty())
        return "handoff:" + listener.handoff_path;
    if (!listener.endpoint || listener.endpoint->port == 0)
        return {};
    return listener.endpoint->to_string() + "%" + listener.interface;
}

// A client that is handed to the router itself would go round for ever.
void check_circles(const draft& draft, findings& findings) {
    const auto is_ours = [&](const std::string& path) {
        return std::ranges::any_of(draft.listeners, [&](const auto& listener) {
            const auto& ours = listener.settings.handoff_path;
            return !ours.empty() && (path == ours || path == ours + std::string(datagram_suffix));
        });
    };
    for (const auto& backend : draft.backends) {
        const auto* const handoff = backend.settings.handoff();
        for (std::size_t i = 0; handoff && i < handoff->paths.size(); ++i)
            if (is_ours(handoff->paths[i]))
                findings.error(handoff->positions[i],
                               "backend." + backend.settings.name +
                                   ".handoff: " + in_quotes("unix:" + handoff->paths[i]) +
                                   " is a listener of this file: its clients would go round for ever; write "
                                   "the path of another router, or of a backend");
    }
}

// A path has one socket, or is a file.
void check_paths(const draft& draft, findings& findings) {
    const auto is_taken = [&](const std::string& path) {
        const auto has_it = [&](const auto& all, auto path_of) {
            return std::ranges::any_of(all, [&](const auto& one) { return path_of(one) == path; });
        };
        return has_it(draft.listeners, [](const auto& one) { return one.settings.handoff_path; }) ||
               (draft.metrics && has_it(draft.metrics->addresses, [](const auto& one) { return one.path; }));
    };
    const auto& control = draft.control.path;
    if (!control.empty() && is_taken(control))
        findings.error(draft.control.where, "control.path: " + in_quotes(control) +
                                                " is what a listener or [metrics] has; write another path");
    const auto& file = draft.log.file;
    if (!file.empty() && (file == control || is_taken(file)))
        findings.error(draft.log.file_where,
                       "log.file: " + in_quotes(file) +
                           " is the socket of a listener, [metrics] or [control]; write another path");
}

} // namespace

void check_listeners(const draft& draft, findings& findings) {
    if (!draft.has_listener)
        findings.error({}, "no [[listener]]; write one, with an address such as address = \"[::]:443\"");

    std::map<std::string, position> seen;
    for (const auto& listener : draft.listeners) {
        const auto name = identity(listener.settings);
        if (name.empty())
            continue;
        const auto [first, added] = seen.emplace(name, listener.where);
        if (added)
            continue;
        findings.error(listener.where, "listener.address: " + in_quotes(listener.settings.address) +
                                           " is what the listener at line " +
                                           std::to_string(first->second.line) +
                                           " has; write another address, or leave one of them out");
    }

    for (const auto& one : draft.metrics ? draft.metrics->addresses : std::vector<metrics_address>{}) {
        const auto first = one.endpoint ? seen.find(one.endpoint->to_string() + "%") : seen.end();
        if (first != seen.end())
            findings.error(one.where, "metrics.address: " + in_quotes(one.text) +
                                          " is what the listener at line " +
                                          std::to_string(first->second.line) + " has; write another port");
    }

    check_paths(draft, findings);

    if (draft.has_listener && !draft.has_route && !draft.has_default)
        findings.warning(draft.listeners.empty() ? position{} : draft.listeners.front().where,
                         "no [[route]] and no [default], so every client is closed; write a [[route]] with "
                         "names and a backend");

    check_circles(draft, findings);
    if (draft.has_default)
        return;
    for (const auto& listener : draft.listeners)
        for (const auto& [key, where] : listener.sent_to_default)
            findings.warning(
                where, "listener." + std::string(key) +
                           ": there is no [default], so these clients are closed; write \"close\", or a "
                           "[default]");
}

} // namespace snipass::config
