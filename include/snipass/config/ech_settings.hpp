// SPDX-License-Identifier: BSL-1.0
// ech_settings: what the file says of Encrypted ClientHello (docs/ech.md).
#pragma once

#include "snipass/config/allowed_user.hpp"
#include "snipass/config/position.hpp"

#include <string>
#include <vector>

namespace snipass::config {

// ech_mode is what a backend makes of a client whose hello was opened.
enum class ech_mode {
    none,     // it has no use for one: such a client goes by its outer name
    own_keys, // it has the same keys, and opens the hello itself
    carried,  // it gets the inner hello, and what opens the second one
};

// ech_settings: snipass-ech has the keys, and the router asks it.
struct ech_settings {
    std::string keys = "/etc/snipass/ech.d"; // a folder
    std::string helper_path = "/run/snipass-ech/open.sock";
    std::vector<allowed_user> allowed_users{}; // besides root and its own: who may ask it
    bool allows_listed_only = false;           // the list is the file's; else it is the user snipass
    position where{};                          // of [ech]
    position keys_where{};                     // of that key, or of the table
    position helper_where{};                   // likewise
};

} // namespace snipass::config
