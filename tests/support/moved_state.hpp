// SPDX-License-Identifier: BSL-1.0
// moved_state: a state in which each field says something. tests/data/states has its form in each version,
// with what that has of it.
#pragma once

#include "snipass/upgrade/state.hpp"

#include <string>

namespace snipass::testing {

inline ip_endpoint at(const char* text) {
    return *ip_endpoint::parse(text);
}

inline upgrade::session moved_session() {
    upgrade::session one;
    one.client = at("192.0.2.7:50123");
    one.via = at("198.51.100.1:40000");
    one.local = at("203.0.113.5:443");
    one.id = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    one.match = "exact";
    one.has_spoken = true;
    one.listener = "0.0.0.0:443";
    one.hello = upgrade::hello{"blog.example.com", "\x02h2\x08http/1.1",
                               upgrade::hello_details{{0x304, 0x303},
                                                      {29, 23},
                                                      true,
                                                      "t13d1516h2_8daaf6152771_e5627efa2ab1",
                                                      upgrade::request{"GET", "/a?b", true}}};
    one.route = 17;
    one.route_file = "routes.d/blog.toml";
    one.backend = "blog";
    one.detail = "why";
    one.accepted = 1'000'000'001;
    one.hello_bytes = 517;
    return one;
}

inline upgrade::relayed_client moved_relayed() {
    upgrade::relayed_client one;
    one.about = moved_session();
    one.address = "backend.example.net:443";
    one.endpoint = at("10.0.0.5:443");
    one.connect_time = 1'234;
    auto& relay = one.relay;
    relay.client = {262'144, true, false, true, false, true};
    relay.backend = {131'072, false, true, false, true, false};
    relay.to_backend = {1U << 20, 0, true, true, 3, 4'096, 1U << 19};
    relay.to_client = {std::uint64_t{1} << 40, 70'000, false, false, 1, 7, 9};
    relay.started = 2'000'000'001;
    relay.last_byte = 3'000'000'001;
    relay.looked_at = 2'500'000'001;
    relay.failure = "";
    relay.closed_first = "client";
    relay.client_is_shared = true;
    relay.backend_is_tcp = true;
    relay.may_splice = true;
    relay.peers_are_watched = true;
    relay.flush_looks = 2;
    relay.unflushed = -1;
    return one;
}

inline upgrade::state moved_state() {
    upgrade::state all;
    all.listeners = {{"0.0.0.0:443", at("0.0.0.0:443"), "tcp", ""},
                     {"[2001:db8::1]:8443", at("[2001:db8::1]:8443"), "tcp", ""}};
    auto plain = moved_relayed();
    plain.about.via = plain.about.local = std::nullopt;
    plain.about.id = std::nullopt;
    plain.about.hello = std::nullopt;
    plain.endpoint = std::nullopt;
    plain.relay.to_client.in_pipe = 0;
    plain.relay.failure = "backend_reset";
    all.relayed = {moved_relayed(), plain};
    upgrade::waiting_client waiting;
    waiting.client = at("192.0.2.8:50124");
    waiting.via = at("198.51.100.1:40001");
    waiting.listener = "0.0.0.0:443";
    waiting.consumed = std::string("\x16\x03\x01\0", 4);
    waiting.is_shared = true;
    waiting.is_admitted = true;
    waiting.accepted = 4'000'000'001;
    waiting.held_since = 4'000'000'002;
    all.waiting = {waiting};
    all.drained = {{"blog", ""}, {"far", "10.0.0.5:443"}};
    return all;
}

// moved_state of the version that this program writes.
inline upgrade::state newest_state() {
    auto all = moved_state();
    all.listeners.push_back(
        {"handoff:/run/snipass/in.sock", {}, "handoff_stream", "/run/snipass/in.sock", 26, 4'711});
    all.counters.of_all = {{"accepted", 1'000'000}, {"handed_off", 999'990}, {"handoff_time_50", 17}};
    all.counters.listeners = {{"0.0.0.0:443", {{"handed_off", 5}, {"malformed", 1}}}};
    all.counters.backends = {{"blog", {{"handed_off", 5}, {"to_backend", 0}, {"to_client", 0}}}, {"far", {}}};
    all.counters.routes = {{"names = blog", {{"sessions", 5}}}};
    all.names = {{"backend.example.net",
                  {*ip_address::parse("10.0.0.5"), *ip_address::parse("2001:db8::5")},
                  5'000'000'001}};
    all.addresses = {{"far", "10.0.0.5:443", 3, true, 250}};
    all.backends = {{"blog", true, true, 0, 0}, {"far", false, false, 2, 6'000'000'001}};
    return all;
}

} // namespace snipass::testing
