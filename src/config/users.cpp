// SPDX-License-Identifier: BSL-1.0
// Names of users. What they are on this machine, the caller of load() knows.
#include "users.hpp"

#include "snipass/base/quoted.hpp"

#include <string_view>

namespace snipass::config {
namespace {

// Whoever has no number in this user namespace (snipass/handoff/sender.h, handoff_unmapped).
constexpr std::string_view unmapped = "unmapped";
constexpr std::uint32_t unmapped_id = 0xFFFF'FFFF;

// The router's, as the package has it.
constexpr std::string_view packaged_user = "snipass";

// why_unknown: a router that has confined itself asks nobody any more.
std::string why_unknown(const allowed_user& user, const error_code& why) {
    const bool is_hidden = why == boost::system::errc::permission_denied;
    return "the user " + in_quotes(user.name) + " cannot be looked up: " + why.message() +
           (is_hidden ? ". The sandbox that was closed at the start has no room for the first name; restart "
                        "snipass (systemctl restart snipass), or "
                      : "; ");
}

void not_looked_up(const allowed_user& user, const std::string& key, const error_code& error,
                   const std::string& remedy, findings& findings) {
    const auto why = key + ": " + why_unknown(user, error) + remedy;
    is_shortage(error.value()) ? findings.shortage(user.where, why) : findings.error(user.where, why);
}

void resolve(allowed_user& user, const std::string& key, const user_finder& find, findings& findings) {
    if (user.id)
        return;
    const auto found = find(user.name);
    if (!found)
        return not_looked_up(user, key, found.error(), "write the number that \"id -u\" prints for this name",
                             findings);
    user.id = *found;
    if (!user.id)
        findings.error(user.where, key + ": this machine has no user " + in_quotes(user.name) +
                                       "; write another name, or a number");
}

// resolve_routers: which routers' users may come to the program that [tls] or [ech] is for.
template <class Settings>
void resolve_routers(Settings& settings, const std::string& key, const user_finder& find,
                     findings& findings) {
    if (settings.allows_listed_only) {
        for (auto& user : settings.allowed_users) {
            if (user.name == unmapped)
                user.id = unmapped_id;
            resolve(user, key, find, findings);
        }
        return;
    }
    allowed_user user{std::string{packaged_user}, settings.where, std::nullopt};
    const auto found = find(user.name);
    if (!found)
        not_looked_up(user, key, found.error(), "write the number of the router's user into allowed_users",
                      findings);
    else if (*found) // where it is another one, the file says so
        settings.allowed_users.push_back({user.name, user.where, *found});
}

void resolve_listeners(draft& draft, const user_finder& find, findings& findings) {
    for (auto& listener : draft.listeners) {
        for (auto& user : listener.settings.allowed_users) {
            if (user.name == unmapped)
                user.id = unmapped_id;
            resolve(user, "listener.allowed_users", find, findings);
        }
    }
}

} // namespace

void resolve_users(draft& draft, const user_finder& find, part which, findings& findings) {
    if (which == part::whole || which == part::router)
        resolve_listeners(draft, find, findings);
    if ((which == part::whole || which == part::tls) && draft.tls)
        resolve_routers(draft.tls->settings, "tls.allowed_users", find, findings);
    if ((which == part::whole || which == part::ech) && draft.ech)
        resolve_routers(*draft.ech, "ech.allowed_users", find, findings);
    if (which == part::ech)
        return;
    for (auto& backend : draft.backends) {
        const bool is_another =
            which != part::whole && backend.settings.termination.has_value() != (which == part::tls);
        auto* const handoff = std::get_if<handoff_settings>(&backend.settings.kind);
        if (!is_another && handoff != nullptr && handoff->user)
            resolve(*handoff->user, "backend." + backend.settings.name + ".user", find, findings);
    }
}

} // namespace snipass::config
