// SPDX-License-Identifier: BSL-1.0
// The router's role.
#include "snipass/process/role.hpp"

#include "snipass/os/users.hpp"

namespace snipass::server {

prepared role::prepare(const std::string& file) {
    return {config::load(file, os::find_user, config::part::router)};
}

confinement role::confine(const config::configuration& /*configuration*/) const {
    return {};
}

} // namespace snipass::server
