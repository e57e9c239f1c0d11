// SPDX-License-Identifier: BSL-1.0
// record: what is told of a session at its end.
#pragma once

#include "snipass/base/ip_address.hpp"
#include "snipass/config/decision.hpp"
#include "snipass/net/event_loop.hpp"
#include "snipass/net/relay.hpp"
#include "snipass/proxy_protocol/header.hpp"
#include "snipass/telling/clear_text_notes.hpp"
#include "snipass/telling/ech_outcome.hpp"
#include "snipass/telling/hello_notes.hpp"
#include "snipass/telling/outcome.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace snipass::server {

// relay_facts is what is told of a proxied session besides.
struct relay_facts {
    using short_time = std::chrono::duration<std::uint32_t, std::micro>; // an hour, and 11 minutes

    std::string_view address;            // of the backend's, as written
    std::optional<ip_endpoint> endpoint; // what it came to; none: a unix socket
    short_time connect_time;
    const net::relay_result* result = nullptr; // at its end
};

// The small members stand together: thousands of idle proxied sessions have one each.
struct record {
    server::outcome outcome = server::outcome::internal_error;
    ip_endpoint client;                          // as the balancer says, if it came through one
    std::optional<ip_endpoint> via;              // that balancer
    std::optional<ip_endpoint> local;            // what the client connected to, if the balancer says so
    std::optional<proxy_protocol::unique_id> id; // as a backend was told, if one was
    std::optional<config::match_kind> match;
    ech_outcome ech = ech_outcome::unasked;
    bool has_spoken = false;                 // a byte came from it, be it of a balancer's header
    std::string_view listener;               // its address as written
    std::optional<hello_notes> hello;        // none until there was one that a TLS stack would accept
    std::uint32_t route = 0;                 // the line of the [[route]]; 0: none
    const std::string* route_file = nullptr; // where that is a file that is included
    std::uint16_t status = 0;                // of our own HTTP answer; 0: there was none
    std::string_view backend;                // the last one tried; empty: none
    std::string detail;                      // why, where the outcome alone does not say it
    net::time_point accepted;
    std::chrono::microseconds duration{}; // from accept to outcome; zero: until it is told
    std::size_t hello_bytes = 0;

    // left_without_a_byte: as a balancer's health check does, every second or so.
    [[nodiscard]] bool left_without_a_byte() const noexcept {
        return outcome == server::outcome::client_closed && !has_spoken;
    }

    // end_now: the outcome is certain, though what is left of the client may take its time.
    void end_now() {
        duration = std::chrono::duration_cast<std::chrono::microseconds>(net::clock::now() - accepted);
    }

    const relay_facts* relay = nullptr;         // of a proxied session
    std::unique_ptr<std::string> outer_name;    // as sent, of a hello that was, or might be, encrypted to us
    std::unique_ptr<clear_text_notes> in_clear; // of a client whose TLS has ended here
};

// format appends one line, without its newline, that a person reads (text) or a program (one JSON object).
// Without `now` it has no time.
using time_stamp = std::optional<std::chrono::system_clock::time_point>;
void format_text(std::string& to, const record& one, time_stamp now);
void format_json(std::string& to, const record& one, time_stamp now);

// format_entry appends an entry of the journal: the line as text, and each of its fields.
void format_entry(std::string& to, const record& one, config::log_level level);

} // namespace snipass::server
