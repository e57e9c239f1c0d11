// SPDX-License-Identifier: BSL-1.0
// Who may issue the certificates that the clients of a backend show.
#include "snipass/certificates/authorities.hpp"

#include "files.hpp"
#include "pem.hpp"

#include <openssl/x509v3.h>

#include <utility>

namespace snipass::certificates {
namespace {

using config::severity;

// reading is of one backend's file.
struct reading {
    const config::backend_settings& backend;
    std::time_t now;
    severity forbidden;
    loaded_authorities& to;

    void tell(severity level, const std::string& what) const {
        const auto& clients = *backend.termination->clients;
        to.diagnostics.push_back(
            {level, clients.where, "backend." + backend.name + ".client_ca: " + clients.authorities + what});
    }

    void run() const {
        const auto& file = backend.termination->clients->authorities;
        const auto path = in_credentials(file);
        if (path.empty())
            return tell(severity::error,
                        ": systemd has passed no credentials to this process (LoadCredential=)");
        const auto bytes = read(path);
        if (bytes.problem)
            return tell(bytes.problem == std::errc::permission_denied ? forbidden : severity::error,
                        ": cannot be read: " + bytes.problem.message());
        auto all = read_chain(bytes.bytes);
        if (all.empty())
            return tell(severity::error, ": has no certificate in PEM; write the file with those of the "
                                         "authorities that issue your clients'");
        for (std::size_t i = 0; i < all.size(); ++i)
            judge(all[i].get(), i + 1);
        to.files.emplace(file, std::move(all));
    }

    // judge says because of which certificate no client will be let in.
    void judge(X509* one, std::size_t number) const {
        const auto which = ": certificate " + std::to_string(number);
        if (X509_check_ca(one) == 0)
            tell(severity::warning, which + " is no authority's (CA:TRUE), so it vouches for nobody");
        if (to_time(X509_get0_notAfter(one)) < now)
            tell(severity::warning, which + " has ended, so no client is taken because of it");
    }
};

} // namespace

loaded_authorities load_authorities(const config::configuration& configuration, std::time_t now,
                                    severity forbidden) {
    loaded_authorities made;
    for (const auto& backend : configuration.backends)
        if (backend.termination && backend.termination->clients &&
            !made.files.contains(backend.termination->clients->authorities))
            reading{backend, now, forbidden, made}.run();
    return made;
}

std::vector<config::certificate_source> sources_of(const config::configuration& configuration) {
    std::vector<config::certificate_source> all;
    for (const auto& backend : configuration.backends)
        if (backend.termination && backend.termination->clients)
            all.push_back({backend.termination->clients->authorities, {}, {}});
    return all;
}

} // namespace snipass::certificates
