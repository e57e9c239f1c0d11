// SPDX-License-Identifier: BSL-1.0
// One file, several programs.
#include "snipass/config/part.hpp"

#include "snipass/config/limits.hpp"

#include <algorithm>
#include <utility>

namespace snipass::config {
namespace {

// What a restart of snipass-tls takes besides the end of those that it serves.
constexpr milliseconds longest_start{10'000};

// To the router such a backend is one at the path of snipass-tls.
void keep_routers(configuration& configuration) {
    if (configuration.tls) { // who hands over there is not the router's to know, or to look up
        configuration.tls->allowed_users.clear();
        configuration.tls->allows_listed_only = true;
    }
    if (configuration.ech) { // likewise
        configuration.ech->allowed_users.clear();
        configuration.ech->allows_listed_only = true;
    }
    for (auto& backend : configuration.backends) {
        if (!backend.termination)
            continue;
        backend.kind = handoff_settings{.paths = {configuration.tls->handoff_path},
                                        .positions = {backend.termination->where}};
        backend.hold = hold_of_router(configuration, backend);
    }
}

// Whoever comes here without a backend of ours came by mistake: the router would have kept it.
listener_settings listener_of(const tls_settings& tls, bool has_default) {
    listener_settings made;
    made.address = "handoff:" + tls.handoff_path;
    made.handoff_path = tls.handoff_path;
    made.allowed_users = tls.allowed_users;
    made.malformed = policy::alert;
    if (!has_default)
        made.unmatched = policy::alert;
    made.foreign = policy::close;
    made.where = tls.where;
    // Also where no backend needs it yet: one that a reload brings may, and a listener is opened once.
    if (tls.handoff_path.size() + farewell_suffix.size() <= limits::unix_path)
        made.farewell_path = tls.handoff_path + std::string{farewell_suffix};
    return made;
}

// metrics_of: those of the file are the router's, and it asks here.
std::optional<metrics_settings> metrics_of(const tls_settings& tls) {
    const auto path = tls.handoff_path + std::string{status_suffix};
    if (path.size() > limits::unix_path)
        return std::nullopt;
    metrics_settings made;
    made.addresses.push_back({.text = "unix:" + path, .path = path, .where = tls.where});
    made.is_for_router = true;
    return made;
}

void keep_tls(configuration& configuration) {
    configuration.ech.reset();
    configuration.metrics.reset();
    if (configuration.tls)
        configuration.metrics = metrics_of(*configuration.tls);
    configuration.control.path.clear();
    configuration.log.file.clear(); // another user's
    configuration.listeners.clear();
    if (configuration.tls)
        configuration.listeners.push_back(
            listener_of(*configuration.tls, configuration.default_backend.has_value()));
    for (auto& backend : configuration.backends) {
        if (backend.termination)
            backend.sorry = first_terminated(configuration, backend.sorry);
        else
            backend.kind = handoff_settings{}; // nobody is sent there: it would take clear text for a hello
    }
}

} // namespace

milliseconds hold_of_router(const configuration& configuration, const backend_settings& backend) {
    if (!backend.termination || backend.sorry)
        return backend.hold;
    return std::max(backend.hold, configuration.server.drain_timeout + longest_start);
}

std::optional<std::size_t> first_terminated(const configuration& configuration,
                                            std::optional<std::size_t> from) {
    while (from && !configuration.backends[*from].termination)
        from = configuration.backends[*from].sorry;
    return from;
}

void keep(configuration& configuration, part which) {
    if (which == part::router)
        keep_routers(configuration);
    if (which == part::tls)
        keep_tls(configuration);
}

} // namespace snipass::config
