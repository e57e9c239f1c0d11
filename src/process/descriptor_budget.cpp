// SPDX-License-Identifier: BSL-1.0
// Who may have how many of the process's descriptors.
#include "snipass/process/descriptor_budget.hpp"

#include "snipass/backends/configuration_snapshot.hpp"

#include <algorithm>
#include <string_view>

namespace snipass::server {
namespace {

// Of the descriptors, two by two.
constexpr std::size_t pipes_part = 8;
constexpr std::size_t on_the_way_part = 16;
constexpr std::size_t least_on_the_way = 4;

// descriptors_kept is for those on their way to a backend: a twentieth, and a few at least.
std::size_t descriptors_kept(std::size_t limit) {
    return std::max<std::size_t>(limit / 20, 16);
}

// add_cut adds "NAME is M, not K", where that is so.
void add_cut(std::string& to, std::string_view name, std::size_t is, std::size_t wanted) {
    if (is >= wanted)
        return;
    to += to.empty() ? "" : "; ";
    to += std::string{name} + " is " + std::to_string(is) + ", not " + std::to_string(wanted);
}

} // namespace

// pending: half, so that there is room for those whose backend is there, whatever is held.
std::size_t descriptor_budget::pending() const noexcept {
    return std::max<std::size_t>(for_clients / 2, 1);
}

std::size_t descriptor_budget::pipes(const config::server_settings& server) const noexcept {
    return std::min(share(server.max_pipes, workers), for_clients / 2 / pipes_part);
}

// relayed: relays, their pipes and clients that are about to be relayed have descriptors, two each; so many
// that none of the three is short of them for the others' sake.
std::size_t descriptor_budget::relayed(const config::server_settings& server) const noexcept {
    const auto pairs = for_clients / 2;
    const auto on_the_way = std::max(pairs / on_the_way_part, least_on_the_way);
    const auto most = std::max<std::size_t>(pairs - std::min(pairs, pipes(server) + on_the_way), 1);
    return std::min(share(server.max_relayed, workers), most);
}

// Waiting clients may have all but what is kept, and the process's own. What others take later, they give
// back (context::make_room).
descriptor_budget divide_descriptors(std::size_t limit, std::size_t own, unsigned workers) {
    constexpr std::size_t of_each_loop = 2;
    const auto kept = own + of_each_loop * (workers + 1) + descriptors_kept(limit);
    const auto last = std::min<std::size_t>(limit, INT_MAX);
    return {.workers = workers,
            .limit = limit,
            .for_clients = std::max<std::size_t>(limit > kept ? (limit - kept) / workers : 0, 1),
            .kept_from = static_cast<int>(last - std::min(last, descriptors_kept(limit)))};
}

// As max_relayed is by default there is no limit but descriptors, and many backends may allow more clients
// than there will ever be: of that nothing is said where descriptors are enough for what else the file wants.
std::string what_is_cut(const config::configuration& file, const descriptor_budget& budget) {
    const auto of_all = [&budget](std::size_t of_each) { return of_each * budget.workers; };
    const auto& server = file.server;
    std::size_t max_pending = 0;
    for (const auto& one : file.backends)
        max_pending += one.max_pending;
    const auto waiting = of_all(budget.waiting());
    const auto relayed = of_all(budget.relayed(server));
    const auto pending = of_all(budget.pending());
    const bool has_own_bound = server.max_relayed != config::server_settings{}.max_relayed;
    if (waiting >= server.max_waiting && (!has_own_bound || relayed >= server.max_relayed) &&
        pending >= std::min(max_pending, server.max_waiting))
        return {};
    std::string cut;
    add_cut(cut, "max_waiting", waiting, server.max_waiting);
    add_cut(cut, "max_relayed", relayed, server.max_relayed);
    add_cut(cut, "max_pending of all backends together", pending, max_pending);
    // What a unit asks for above the manager's own limit it does not get, and nothing in here tells.
    return std::to_string(budget.limit) + " descriptors: " + cut +
           "; raise LimitNOFILE=, or, where that is more already, what this machine or container allows";
}

} // namespace snipass::server
