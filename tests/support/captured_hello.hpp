// SPDX-License-Identifier: BSL-1.0
// ClientHellos of real clients, with what they say, kept in tests/data/hellos.
#pragma once

#include "hello_builder.hpp"

#include <map>
#include <string>
#include <vector>

namespace snipass::testing {

// captured_hello is one .hello file: lines "# key: value", then the stream in hexadecimal. The keys: client,
// command, captured, server_name, alpn, supported_versions, groups, key_shares, ech, ja4 ("none": not there).
struct captured_hello {
    std::string file; // without its folder
    std::map<std::string, std::string> notes;
    bytes stream;
};

// All .hello files of a folder, by name. Throws std::runtime_error for a file that is not in the format.
[[nodiscard]] std::vector<captured_hello> load_captured_hellos(const std::string& folder);

} // namespace snipass::testing
