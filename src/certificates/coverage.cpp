// SPDX-License-Identifier: BSL-1.0
// Certificates and routes, held against each other.
#include "snipass/certificates/coverage.hpp"

#include "snipass/base/quoted.hpp"
#include "snipass/certificates/choice.hpp"
#include "snipass/config/part.hpp"

#include <algorithm>
#include <map>
#include <string>

namespace snipass::certificates {
namespace {

using config::diagnostic;
using config::severity;

// "*.a.example" of a route is any number of labels, that of a certificate one.
std::string written(const route::pattern& name) {
    return name.kind == route::pattern_kind::wildcard ? "*." + name.text : name.text;
}

void check_routes(const choice& known, const config::tls_settings& tls, std::vector<diagnostic>& to) {
    if (!tls.default_name.empty())
        return; // who has none gets that one
    for (const auto& [name, where] : tls.names) {
        const auto text = written(name);
        if (known.find_own(text) == nullptr)
            to.push_back({severity::warning, where,
                          "route.names: no certificate has " + in_quotes(text) +
                              ", so these clients are refused (unrecognized_name); write where it is into "
                              "certificates of [tls], at line " +
                              std::to_string(tls.where.line)});
    }
}

// leads_to_us: a client that asks for the name comes to a backend whose TLS ends here, or may, where a route
// has other conditions.
bool leads_to_us(const config::configuration& configuration, const std::string& name) {
    const auto is_ours = [&](std::optional<std::size_t> backend) {
        return config::first_terminated(configuration, backend).has_value();
    };
    if (is_ours(configuration.default_backend))
        return true;
    const auto host = host_name::parse(name.starts_with("*.") ? "any" + name.substr(1) : name);
    if (!host)
        return false;
    return std::ranges::any_of(configuration.table.candidates(*host, {}), [&](const auto& one) {
        return is_ours(configuration.routes[one.rule].backend);
    });
}

void check_certificates(const std::vector<certificate>& all, const config::configuration& configuration,
                        std::vector<diagnostic>& to) {
    for (const auto& one : all) {
        const auto used = std::ranges::any_of(
            one.names, [&](const auto& name) { return leads_to_us(configuration, name); });
        if (!used)
            to.push_back({severity::warning, one.where,
                          "tls.certificates: " + one.file + " has " + in_quotes(one.names.front()) +
                              (one.names.size() > 1 ? " and others" : "") +
                              ", and no route leads from there to a backend with tls = \"terminate\""});
    }
}

void check_doubles(const std::vector<certificate>& all, std::vector<diagnostic>& to) {
    std::map<std::pair<std::string, key_kind>, const certificate*> first;
    for (const auto& one : all)
        for (const auto& name : one.names) {
            const auto [at, added] = first.emplace(std::pair{name, one.kind}, &one);
            if (added || at->second == &one)
                continue;
            to.push_back({severity::warning, one.where,
                          "tls.certificates: " + one.file + " is not used for " + in_quotes(name) +
                              ", because " + at->second->file +
                              " has it, with a key of the same kind; leave one of them out"});
            break;
        }
}

} // namespace

std::vector<diagnostic> coverage(const std::vector<certificate>& all,
                                 const config::configuration& configuration) {
    const auto& tls = *configuration.tls;
    const choice known{all, {}};
    std::vector<diagnostic> found;
    check_routes(known, tls, found);
    check_certificates(all, configuration, found);
    check_doubles(all, found);
    if (!tls.default_name.empty() && known.find_own(tls.default_name) == nullptr)
        found.push_back({severity::error, tls.default_where,
                         "tls.default: no certificate has " + in_quotes(tls.default_name) +
                             "; write a name that one of them has, or leave it out"});
    return found;
}

} // namespace snipass::certificates
