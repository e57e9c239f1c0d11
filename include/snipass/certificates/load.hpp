// SPDX-License-Identifier: BSL-1.0
// load: certificates from the files that [tls] names, and all that is wrong with them.
#pragma once

#include "snipass/certificates/certificate.hpp"
#include "snipass/config/parse.hpp"

#include <ctime>
#include <map>
#include <string>
#include <vector>

namespace snipass::certificates {

struct loaded {
    std::vector<certificate> certificates; // in the order of the file; of a folder by their names
    std::vector<config::diagnostic> diagnostics;
    bool is_all = true; // no file was left out

    [[nodiscard]] bool has_errors() const noexcept;
};

// load reads what `sources` name. An error: a file that cannot be used. A warning: one that clients will not
// take, such as one that has ended before `now`. `forbidden` is what it is that this user may not read a
// file.
[[nodiscard]] loaded load(const std::vector<config::certificate_source>& sources, std::time_t now,
                          config::severity forbidden = config::severity::error);

// load_shown reads the `backend_certificate` of every backend: what snipass-tls shows there. Errors and
// warnings are as load()'s, but for what only clients ask of a certificate.
struct loaded_shown {
    std::map<std::string, certificate> by_backend; // its name; those that can be used
    std::vector<config::diagnostic> diagnostics;
};
[[nodiscard]] loaded_shown load_shown(const config::configuration& configuration, std::time_t now,
                                      config::severity forbidden = config::severity::error);

// folders_of is where those files lie, for a process that may read nothing else.
[[nodiscard]] std::vector<std::string> folders_of(const std::vector<config::certificate_source>& sources);

} // namespace snipass::certificates
