// SPDX-License-Identifier: BSL-1.0
// `snipass explain`: which route and backend a client would get, and why.
#pragma once

#include "snipass/config/explain.hpp"

#include <string>

namespace snipass::commands {

// explain_options is what the command line says.
struct explain_options {
    std::string config;
    std::string hello; // a file with a captured hello
    std::string source;
    std::string request; // "GET http://www.example.com/"
    config::explain_query query;
};

// explain returns the exit status.
[[nodiscard]] int explain(explain_options given);

} // namespace snipass::commands
