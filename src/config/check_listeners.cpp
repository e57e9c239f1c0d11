// What only shows when all listeners are known: an address that is there twice, clients that are sent
// nowhere.
#include "draft.hpp"
#include "snipass/config/written.hpp"

#include <map>

namespace snipass::config {
namespace {

// identity is what no two listeners may share; empty: nothing (port 0 is another free port each time).
std::string identity(const listener_settings& listener) {
    if (!listener.systemd_name.empty())
        return "systemd:" + listener.systemd_name;
    if (!listener.endpoint || listener.endpoint->port == 0)
        return {};
    return listener.endpoint->to_string();
}

} // namespace

void check_listeners(const draft& draft, findings& findings) {
    if (!draft.has_listener)
        findings.error({}, "no [[listener]]; write one, with an address such as address = \"[::]:443\"");

    std::map<std::string, place> seen;
    for (const auto& listener : draft.listeners) {
        const auto name = identity(listener.settings);
        if (name.empty())
            continue;
        const auto [first, added] = seen.emplace(name, listener.where);
        if (added)
            continue;
        findings.error(listener.where, "listener.address: " + quoted(listener.settings.address) +
                                           " is what the listener at line " +
                                           std::to_string(first->second.line) +
                                           " has; write another address, or leave one of them out");
    }

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
