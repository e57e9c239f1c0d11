// SPDX-License-Identifier: BSL-1.0
// descriptor_budget: who may have how many of the process's descriptors.
#pragma once

#include "snipass/config/configuration.hpp"

#include <climits>
#include <cstddef>
#include <string>

namespace snipass::server {

struct descriptor_budget {
    unsigned workers = 1;
    std::size_t limit = 0;       // of the process (RLIMIT_NOFILE)
    std::size_t for_clients = 0; // of each worker: what its clients, and all that serves them, may have
    int kept_from = INT_MAX;     // descriptors from this number on are kept for handoffs (context)

    // What each worker may have, whatever the file says: clients not yet routed, clients on their way to any
    // backend, pipes and relayed clients.
    [[nodiscard]] std::size_t waiting() const noexcept { return for_clients; }
    [[nodiscard]] std::size_t pending() const noexcept;
    [[nodiscard]] std::size_t pipes(const config::server_settings& server) const noexcept;
    [[nodiscard]] std::size_t relayed(const config::server_settings& server) const noexcept;
};

// divide_descriptors: `own` are in use before there are clients.
[[nodiscard]] descriptor_budget divide_descriptors(std::size_t limit, std::size_t own, unsigned workers);

// what_is_cut says which limits of the file the descriptors do not reach; empty: they reach them all.
[[nodiscard]] std::string what_is_cut(const config::configuration& file, const descriptor_budget& budget);

} // namespace snipass::server
