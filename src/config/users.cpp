// SPDX-License-Identifier: BSL-1.0
// Names of users, as this machine knows them.
#include "users.hpp"

#include "snipass/base/quoted.hpp"

#include <pwd.h>

#include <cerrno>
#include <string_view>

namespace snipass::config {
namespace {

constexpr std::size_t first_buffer = 1'024;
constexpr std::size_t last_buffer = 1'048'576;

// Whoever has no number in this user namespace (snipass/handoff/sender.h, handoff_unmapped).
constexpr std::string_view unmapped = "unmapped";
constexpr std::uint32_t unmapped_id = 0xFFFF'FFFF;

std::optional<std::uint32_t> find(const std::string& name) {
    if (name == unmapped)
        return unmapped_id;
    for (std::vector<char> room(first_buffer); room.size() <= last_buffer; room.resize(2 * room.size())) {
        passwd entry{};
        passwd* found = nullptr;
        if (::getpwnam_r(name.c_str(), &entry, room.data(), room.size(), &found) == ERANGE)
            continue;
        return found == nullptr ? std::nullopt : std::optional{found->pw_uid};
    }
    return std::nullopt;
}

} // namespace

void resolve_users(configuration& configuration, findings& findings) {
    for (auto& listener : configuration.listeners) {
        for (auto& user : listener.allowed_users) {
            if (!user.id)
                user.id = find(user.name);
            if (!user.id)
                findings.error(user.where, "listener.allowed_users: this machine has no user " +
                                               in_quotes(user.name) + "; write another name, or a number");
        }
    }
}

} // namespace snipass::config
