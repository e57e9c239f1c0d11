// SPDX-License-Identifier: BSL-1.0
// Who may issue the certificates of clients, and of backends.
#include "snipass/certificates/authorities.hpp"

#include "files.hpp"
#include "pem.hpp"

#include "snipass/certificates/memory.hpp"

#include <openssl/x509v3.h>

#include <utility>

namespace snipass::certificates {
namespace {

using config::severity;

// named is one file, and the key that names it.
struct named {
    std::string key; // "backend.b.client_ca"
    std::string file;
    config::position where;
    bool is_of_clients;
};

std::vector<named> all_named(const config::configuration& configuration) {
    std::vector<named> all;
    for (const auto& one : configuration.backends) {
        if (!one.termination)
            continue;
        const auto key = "backend." + one.name + ".";
        if (const auto& clients = one.termination->clients)
            all.push_back({key + "client_ca", clients->authorities, clients->where, true});
        if (const auto& backend = one.termination->encryption)
            all.push_back({key + "backend_ca", backend->authorities, backend->where, false});
    }
    return all;
}

struct reading {
    const named& what;
    std::time_t now;
    severity forbidden;
    loaded_authorities& to;

    void tell(severity level, const std::string& problem) const {
        to.diagnostics.push_back({level, what.where, what.key + ": " + what.file + problem});
    }

    void run() const {
        const auto path = in_credentials(what.file);
        if (path.empty())
            return to.diagnostics.push_back(unread(what.where, what.key + ": " + what.file + no_credentials,
                                                   is_for_another(), forbidden));
        const auto bytes = read(path);
        if (bytes.problem)
            return to.diagnostics.push_back(unread(
                what.where, what.key + ": " + what.file + ": cannot be read: " + bytes.problem.message(),
                bytes.problem, forbidden));
        forget_shortage();
        auto found = read_chain(bytes.bytes);
        demand_memory();
        if (found.is_damaged)
            return tell(severity::error, ": " + damage(found));
        auto& all = found.all;
        if (all.empty())
            return tell(severity::error,
                        std::string{": has no certificate in PEM; write the file with those of "
                                    "the authorities that issue your "} +
                            (what.is_of_clients ? "clients'" : "backends'"));
        for (std::size_t i = 0; what.is_of_clients && i < all.size(); ++i)
            judge(all[i].get(), i + 1);
        to.files.emplace(what.file, std::move(all));
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
    for (const auto& one : all_named(configuration))
        if (!made.files.contains(one.file))
            reading{one, now, forbidden, made}.run();
    return made;
}

std::vector<config::certificate_source> sources_of(const config::configuration& configuration) {
    std::vector<config::certificate_source> all;
    for (const auto& one : all_named(configuration))
        all.push_back({one.file, {}, one.where});
    for (const auto& one : configuration.backends)
        if (one.termination && one.termination->encryption && one.termination->encryption->shown)
            all.push_back(*one.termination->encryption->shown);
    return all;
}

} // namespace snipass::certificates
