// SPDX-License-Identifier: BSL-1.0
// status: what is known now, gathered once, and told in whatever form somebody asks for.
#pragma once

#include "snipass/operating/certificate_state.hpp"
#include "snipass/os/usage.hpp"
#include "snipass/telling/histogram.hpp"
#include "snipass/telling/outcome.hpp"
#include "snipass/telling/recent_failures.hpp"
#include "snipass/telling/stats.hpp"
#include "snipass/telling/tally.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace snipass::server {

using wall_time = std::chrono::system_clock::time_point;

// reload_status is what became of the file when it was read last.
struct reload_status {
    bool is_good = true;
    wall_time at{};         // of that one
    wall_time good_since{}; // the last one that was good
    std::string why{};      // not: the first mistake
};

struct listener_status {
    std::string address; // as written
    std::string bound{}; // with port 0 the port that the kernel chose; empty: not known
    outcome_totals outcomes{};
};

struct backend_status {
    struct address {
        std::string written;
        std::string endpoint; // what it came to; a path of a unix socket
        bool is_ejected = false;
        unsigned sessions = 0;
        bool is_drained = false;
    };
    std::string name{};
    std::string kind{};
    bool takes_clients = true; // as far as anybody knows
    bool is_drained = false;   // by an admin
    bool is_relayed = false;
    unsigned held = 0;
    std::size_t unanswered = 0;
    std::uint64_t ejections = 0;
    tally_totals::backend counted{};
    std::vector<address> addresses{};
    std::string why_missing{}; // a name that has no address
};

// One client that nobody served, as recent_failures has it.
struct failed_client {
    wall_time at;
    failure what;
};

struct status {
    std::string version{};
    std::string commit{};
    std::string file{};
    wall_time now{};
    wall_time started{};
    bool is_ready = false; // it accepts clients
    bool is_stopping = false;
    std::size_t workers = 0;
    std::size_t silent_workers = 0; // that have not answered in time: what only they know is older
    reload_status reload{};

    std::uint64_t accepted = 0;
    std::uint64_t accept_pauses = 0;
    std::uint64_t handoffs_refused = 0;
    std::uint64_t empty = 0;
    outcome_totals outcomes{};
    std::array<std::uint64_t, match_count> matches{};
    std::array<std::uint64_t, ech_outcome_count> ech{};
    histogram_totals handoff_time{};
    histogram_totals hello_size{};
    std::uint64_t failed_lookups = 0;
    std::uint64_t dropped_lines = 0;

    std::size_t in_flight = 0;
    std::size_t waiting = 0;
    std::size_t relayed = 0;

    bool is_counted = false; // with [metrics]: what became of clients, by listener and backend
    std::vector<listener_status> listeners{};
    std::vector<backend_status> backends{};
    std::optional<tls_state> tls{}; // with [tls]
    bool is_tls_away = false;       // with [tls], and snipass-tls does not say
    std::size_t route_count = 0;
    std::vector<std::pair<std::string, std::uint64_t>> routes{}; // with [metrics] routes = true
    std::vector<failed_client> failures{};                       // the newest first
    os::usage process{};
};

// held is how many clients wait for backends that are away.
[[nodiscard]] std::size_t held(const status& now) noexcept;

// made_way is how many clients a bound has ended.
[[nodiscard]] std::uint64_t made_way(const outcome_totals& outcomes) noexcept;

// addresses_out says how many of a backend's addresses get nobody, and why: "1 of 2 drained". Empty: none.
[[nodiscard]] std::string addresses_out(const backend_status& one);

// What became of all clients, in three words.
struct three_ends {
    std::uint64_t served = 0;
    std::uint64_t refused = 0; // by what they said, or they left
    std::uint64_t failed = 0;  // by a fault or a bound of ours or of a backend's
};
[[nodiscard]] three_ends in_three(const outcome_totals& outcomes) noexcept;

} // namespace snipass::server
