// SPDX-License-Identifier: BSL-1.0
// session_list: clients that are in flight, for an admin.
#pragma once

#include "snipass/base/ip_address.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace snipass::server {

enum class session_state {
    waiting,    // not routed yet
    on_its_way, // to a backend
    held,       // for a backend that is away
    relayed,
};
[[nodiscard]] std::string_view to_string(session_state state) noexcept;

// session_id is what an admin calls a session by: the worker's number, and when the client was accepted, by a
// clock of this machine; no other of that worker's has the same.
struct session_id {
    unsigned worker = 0;
    std::int64_t accepted = 0; // ns

    [[nodiscard]] std::string to_string() const;
    // False: it is none.
    [[nodiscard]] static bool parse(std::string_view text, session_id& into);
};

struct session_line {
    session_id id;
    session_state state = session_state::waiting;
    std::chrono::milliseconds age{};
    ip_endpoint client;
    std::string server_name{}; // as the client said it
    std::string backend{};     // empty: there is none yet
    std::string address{};     // of the backend's, where it is relayed to
    std::uint64_t to_backend = 0;
    std::uint64_t to_client = 0;
};

struct session_list {
    std::vector<session_line> lines{}; // the oldest first
    std::size_t left_out = 0;          // of very many
    std::size_t silent_workers = 0;    // whose clients are missing
};

// sort puts the oldest first, and keeps `most`.
void sort(session_list& all, std::size_t most);

[[nodiscard]] std::string to_json(const session_list& all);
[[nodiscard]] std::string to_text(const session_list& all, bool in_colour);

} // namespace snipass::server
