// SPDX-License-Identifier: BSL-1.0
// state: what one router leaves to the next, besides descriptors. docs/upgrade.md has it byte by byte.
#pragma once

#include "snipass/base/ip_address.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace snipass::upgrade {

// A time is in nanoseconds of the monotonic clock, which goes on from one process to the next. What other
// rooms have as an enumeration has its name here: their numbers change from version to version.
using time = std::int64_t;

// side is one socket of a relay.
struct side {
    std::uint32_t buffered = 0;
    bool is_urgent = false;
    bool has_failed = false;
    bool may_delay = false;
    bool is_bounded = false;
    bool is_full_grown = false;
};

struct direction {
    std::uint64_t bytes = 0;
    std::uint64_t in_pipe = 0; // more than none: the pipe goes along
    bool is_bulk = false;
    bool is_over = false;
    std::uint8_t looks = 0;
    std::uint32_t left = 0;
    std::uint64_t due = 0;
};

struct relay {
    side client;
    side backend;
    direction to_backend;
    direction to_client;
    time started = 0;
    time last_byte = 0;
    time looked_at = 0;
    std::string failure;      // empty: none
    std::string closed_first; // empty: neither side has closed
    bool client_is_shared = false;
    bool backend_is_tcp = true;
    bool may_splice = false;
    bool peers_are_watched = false;
    std::uint8_t flush_looks = 0;
    std::int32_t unflushed = 0;
};

struct request {
    std::string method;
    std::string target;
    bool is_version_1_0 = false;
};

struct hello_details {
    std::vector<std::uint16_t> versions;
    std::vector<std::uint16_t> groups;
    bool has_ech = false;
    std::string ja4;
    std::optional<upgrade::request> request;
};

struct hello {
    std::optional<std::string> server_name;
    std::string offer; // the entries of a ProtocolNameList (RFC 7301 section 3.1)
    std::optional<hello_details> more;
};

// session is what its line of the log will say.
struct session {
    ip_endpoint client;
    std::optional<ip_endpoint> via;
    std::optional<ip_endpoint> local;
    std::optional<std::array<std::uint8_t, 16>> id;
    std::string match; // empty: none
    bool has_spoken = false;
    std::string listener;
    std::optional<upgrade::hello> hello;
    std::uint32_t route = 0;
    std::string route_file; // empty: the main one
    std::string backend;
    std::string detail;
    time accepted = 0;
    std::uint64_t hello_bytes = 0;
};

// relayed_client: its descriptors are the client's socket, the backend's, and for each direction with bytes
// in its pipe, the one to the backend first, that pipe's end to read from and its end to write to.
struct relayed_client {
    session about;
    std::string address;                 // of the backend's, as written
    std::optional<ip_endpoint> endpoint; // none: a unix socket
    std::uint32_t connect_time = 0;      // microseconds
    upgrade::relay relay;
};

// waiting_client is one that no backend has: its session begins again, with what is left of its times. Its
// descriptor is its socket.
struct waiting_client {
    ip_endpoint client;
    std::optional<ip_endpoint> via;
    std::optional<ip_endpoint> local;
    std::optional<std::array<std::uint8_t, 16>> id;
    std::string listener;
    std::string consumed; // its first bytes, where they are no longer in its socket
    bool is_shared = false;
    bool is_admitted = false; // it was asked already whether it may come (allow, deny, rates)
    time accepted = 0;
    time held_since = 0; // 0: it is not held
};

// listener is a socket of our own, with its backlog. Its descriptor is that socket.
struct listener {
    std::string address; // as written
    ip_endpoint bound;   // of TCP
    // Since version 2:
    std::string kind = "tcp"; // how clients come
    std::string path;         // of a unix socket; whose file that is the next two say
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
};

// drain is a backend that an admin has drained, or one of its addresses.
struct drain {
    std::string backend;
    std::string address; // as written; empty: all of them
};

// count is one number by its name.
struct count {
    std::string name;
    std::uint64_t value = 0;
};

// counted is what was counted of one listener, backend or route.
struct counted {
    std::string name;
    std::vector<count> counts;
};

struct counters {
    std::vector<count> of_all;
    std::vector<counted> listeners; // these three with [metrics] only
    std::vector<counted> backends;
    std::vector<counted> routes;
};

// resolved is the last good answer for a DNS name.
struct resolved {
    std::string host;
    std::vector<ip_address> addresses;
    time at = 0;
};

// known_address is an address of a backend whose connects or probes have failed.
struct known_address {
    std::string backend;
    std::string where; // an endpoint, or a path
    std::uint32_t failures = 0;
    bool is_ejected = false;
    std::uint32_t too_slow_for = 0; // milliseconds; 0: it is not
};

struct known_backend {
    std::string name;
    bool is_away = false;
    bool is_told = false; // that it is away
    std::uint64_t ejections = 0;
    time checked = 0; // when its addresses were probed last; 0: never
};

// The descriptors come in this order, too.
struct state {
    std::vector<listener> listeners;
    std::vector<relayed_client> relayed;
    std::vector<waiting_client> waiting;
    std::vector<drain> drained;
    // Since version 2:
    upgrade::counters counters;
    std::vector<resolved> names;
    std::vector<known_address> addresses;
    std::vector<known_backend> backends;
};

[[nodiscard]] std::size_t descriptors_of(const relayed_client& one) noexcept;
[[nodiscard]] std::size_t descriptors_of(const state& all) noexcept;

} // namespace snipass::upgrade
