// SPDX-License-Identifier: BSL-1.0
// Names of users, as this machine knows them.
#include "snipass/os/users.hpp"

#include <pwd.h>

#include <cerrno>
#include <vector>

namespace snipass::os {
namespace {

constexpr std::size_t first_buffer = 1'024;
constexpr std::size_t last_buffer = 1'048'576;

} // namespace

std::optional<std::uint32_t> find_user(const std::string& name) {
    for (std::vector<char> room(first_buffer); room.size() <= last_buffer; room.resize(2 * room.size())) {
        passwd entry{};
        passwd* found = nullptr;
        if (::getpwnam_r(name.c_str(), &entry, room.data(), room.size(), &found) == ERANGE)
            continue;
        return found == nullptr ? std::nullopt : std::optional{found->pw_uid};
    }
    return std::nullopt;
}

} // namespace snipass::os
