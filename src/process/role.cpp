// SPDX-License-Identifier: BSL-1.0
// The router's role.
#include "snipass/process/role.hpp"

#include "snipass/os/error.hpp"
#include "snipass/os/users.hpp"

#include <cerrno>

namespace snipass::server {

prepared role::prepare(const std::string& file) {
    return {load(file, config::part::router)};
}

config::parsed role::load(const std::string& file, config::part which) const {
    using number = result<std::optional<std::uint32_t>>;
    const auto find_nobody = [](const std::string&) -> number { return os::make_error(EACCES); };
    return config::load(file, users_are_hidden_ ? config::user_finder{find_nobody} : os::find_user, which);
}

confinement role::confine(const config::configuration& /*configuration*/) const {
    return {};
}

} // namespace snipass::server
