// SPDX-License-Identifier: BSL-1.0
// judge: what a server has shown, held against the file. Private to live.
#pragma once

#include "handshake.hpp"
#include "snipass/config/parse.hpp"

#include <ctime>
#include <string>
#include <vector>

namespace snipass::live {

// question is a name of a route, as a client would ask for it.
struct question {
    std::string name{};
    std::vector<std::string> alpn{}; // the route's; empty: any
    config::position where{};        // of the route
};

// sight is what the backend of that index has shown to one.
struct sight {
    std::size_t backend = 0;
    question asked{};
    shown seen{};
};

// judge says what clients will not take: no handshake (an error), a certificate of other names, one that ends
// soon, a protocol that the route does not have. `who` is the backend.
[[nodiscard]] std::vector<config::diagnostic> judge(const std::string& who, const sight& one,
                                                    std::time_t now);

// coalescing: browsers that speak HTTP/2 with one backend ask it for the names of another, because one
// certificate has both.
[[nodiscard]] std::vector<config::diagnostic> coalescing(const config::configuration& file,
                                                         const std::vector<sight>& all);

} // namespace snipass::live
