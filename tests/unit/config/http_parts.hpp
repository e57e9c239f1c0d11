// SPDX-License-Identifier: BSL-1.0
// Parts of files that have listeners for HTTP.
#pragma once

#include <string>

inline const std::string clear = "[[listener]]\naddress = \"[::]:80\"\nprotocol = \"http\"\n";
inline const std::string to_https = "[backend.https]\nredirect = \"https\"\n";
inline const std::string live = "[backend.live]\nhandoff = \"unix:/run/live.sock\"\n";
inline const std::string site = "[backend.site]\nhandoff = \"unix:/run/site.sock\"\n";

inline std::string route_to(const std::string& backend, const std::string& conditions) {
    return "[[route]]\nbackend = \"" + backend + "\"\n" + conditions + "\n";
}
