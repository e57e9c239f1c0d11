// SPDX-License-Identifier: BSL-1.0
// Names of users, as this machine knows them.
#include "snipass/os/users.hpp"

#include "snipass/os/error.hpp"

#include <pwd.h>

#include <cerrno>
#include <vector>

namespace snipass::os {
namespace {

constexpr std::size_t first_buffer = 1'024;
constexpr std::size_t last_buffer = 1'048'576;

// is_absence: some modules of the C library say so of a name that they do not have (getpwnam(3)).
bool is_absence(int error) noexcept {
    return error == 0 || error == ENOENT || error == ESRCH;
}

} // namespace

result<std::optional<std::uint32_t>> find_user(const std::string& name) {
    for (std::vector<char> room(first_buffer); room.size() <= last_buffer; room.resize(2 * room.size())) {
        passwd entry{};
        passwd* found = nullptr;
        const int error = ::getpwnam_r(name.c_str(), &entry, room.data(), room.size(), &found);
        if (found != nullptr)
            return std::optional{found->pw_uid};
        if (is_absence(error))
            return std::nullopt;
        if (error != ERANGE)
            return make_error(error);
    }
    return make_error(ERANGE);
}

} // namespace snipass::os
