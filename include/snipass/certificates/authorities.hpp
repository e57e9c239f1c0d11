// SPDX-License-Identifier: BSL-1.0
// authorities: who may issue the certificates of clients, and of backends.
#pragma once

#include "snipass/certificates/certificate.hpp"
#include "snipass/config/parse.hpp"

#include <ctime>
#include <map>
#include <string>
#include <vector>

namespace snipass::certificates {

// By the file, as the configuration names it: several backends may have one.
using authority_files = std::map<std::string, std::vector<x509>>;

struct loaded_authorities {
    authority_files files; // of those that can be used
    std::vector<config::diagnostic> diagnostics;
};

// load_authorities reads the `client_ca` and `backend_ca` of every backend. Errors and warnings are as
// load()'s.
[[nodiscard]] loaded_authorities load_authorities(const config::configuration& configuration, std::time_t now,
                                                  config::severity forbidden = config::severity::error);

// sources_of is what folders_of() is to know of what backends name: those, and `backend_certificate`.
[[nodiscard]] std::vector<config::certificate_source> sources_of(const config::configuration& configuration);

} // namespace snipass::certificates
