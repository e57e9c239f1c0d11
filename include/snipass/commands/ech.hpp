// SPDX-License-Identifier: BSL-1.0
// `snipass ech`: the keys of Encrypted ClientHello.
#pragma once

#include "snipass/config/configuration.hpp"
#include "snipass/config/parse.hpp"

#include <string>
#include <vector>

namespace snipass::commands {

// new_ech_key makes a key for `public_name` in the folder of [ech], and prints the DNS records that announce
// it. list_ech_keys asks snipass-ech which keys it has. Both return the exit status.
[[nodiscard]] int new_ech_key(const std::string& file, const std::string& public_name);
[[nodiscard]] int list_ech_keys(const std::string& file);

// check_ech_keys is what is wrong with the keys that [ech] names, as far as this user may read them.
[[nodiscard]] std::vector<config::diagnostic> check_ech_keys(const config::configuration& file);

} // namespace snipass::commands
