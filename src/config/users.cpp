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

} // namespace

void resolve_users(configuration& configuration, const user_finder& find, findings& findings) {
    for (auto& listener : configuration.listeners) {
        for (auto& user : listener.allowed_users) {
            if (!user.id)
                user.id = user.name == unmapped ? unmapped_id : find(user.name);
            if (!user.id)
                findings.error(user.where, "listener.allowed_users: this machine has no user " +
                                               in_quotes(user.name) + "; write another name, or a number");
        }
    }
}

} // namespace snipass::config
