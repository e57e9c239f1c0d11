// SPDX-License-Identifier: BSL-1.0
// The fields of each struct, in their order: once for whoever writes and whoever reads. What is newer than
// the version that is read (io.has) stays as the struct has it. Private to upgrade.
#pragma once

#include "snipass/upgrade/state.hpp"

#include <concepts>
#include <type_traits>

namespace snipass::upgrade {

// one_of: a `Struct`, to write or to read into.
template <class One, class Struct>
concept one_of = std::same_as<std::remove_const_t<One>, Struct>;

template <class Io>
void fields(Io& io, one_of<ip_endpoint> auto& one) {
    io.address(one.address);
    io(one.port);
}

template <class Io>
void fields(Io& io, one_of<ip_address> auto& one) {
    io.address(one);
}

template <class Io>
void fields(Io& io, one_of<side> auto& one) {
    io(one.buffered, one.is_urgent, one.has_failed, one.may_delay, one.is_bounded, one.is_full_grown);
}

template <class Io>
void fields(Io& io, one_of<direction> auto& one) {
    io(one.bytes, one.in_pipe, one.is_bulk, one.is_over, one.looks, one.left, one.due);
}

template <class Io>
void fields(Io& io, one_of<relay> auto& one) {
    io(one.client, one.backend, one.to_backend, one.to_client, one.started, one.last_byte, one.looked_at,
       one.failure, one.closed_first, one.client_is_shared, one.backend_is_tcp, one.may_splice,
       one.peers_are_watched, one.flush_looks, one.unflushed);
}

template <class Io>
void fields(Io& io, one_of<request> auto& one) {
    io(one.method, one.target, one.is_version_1_0);
}

template <class Io>
void fields(Io& io, one_of<hello_details> auto& one) {
    io(one.versions, one.groups, one.has_ech, one.ja4, one.request);
}

template <class Io>
void fields(Io& io, one_of<hello> auto& one) {
    io(one.server_name, one.offer, one.more);
}

template <class Io>
void fields(Io& io, one_of<session> auto& one) {
    io(one.client, one.via, one.local, one.id, one.match, one.has_spoken, one.listener, one.hello, one.route,
       one.route_file, one.backend, one.detail, one.accepted, one.hello_bytes);
}

template <class Io>
void fields(Io& io, one_of<relayed_client> auto& one) {
    io(one.about, one.address, one.endpoint, one.connect_time, one.relay);
}

template <class Io>
void fields(Io& io, one_of<waiting_client> auto& one) {
    io(one.client, one.via, one.local, one.id, one.listener, one.consumed, one.is_shared, one.is_admitted,
       one.accepted, one.held_since);
}

template <class Io>
void fields(Io& io, one_of<listener> auto& one) {
    io(one.address, one.bound);
    if (io.has(2))
        io(one.kind, one.path, one.device, one.inode);
}

template <class Io>
void fields(Io& io, one_of<drain> auto& one) {
    io(one.backend, one.address);
}

template <class Io>
void fields(Io& io, one_of<count> auto& one) {
    io(one.name, one.value);
}

template <class Io>
void fields(Io& io, one_of<counted> auto& one) {
    io(one.name, one.counts);
}

template <class Io>
void fields(Io& io, one_of<counters> auto& one) {
    io(one.of_all, one.listeners, one.backends, one.routes);
}

template <class Io>
void fields(Io& io, one_of<resolved> auto& one) {
    io(one.host, one.addresses, one.at);
}

template <class Io>
void fields(Io& io, one_of<known_address> auto& one) {
    io(one.backend, one.where, one.failures, one.is_ejected, one.too_slow_for);
}

template <class Io>
void fields(Io& io, one_of<known_backend> auto& one) {
    io(one.name, one.is_away, one.is_told, one.ejections, one.checked);
}

// A state is these, and its relays in between: their number, and each of them.
template <class Io>
void fields_before_relays(Io& io, one_of<state> auto& one) {
    io(one.listeners);
}

template <class Io>
void fields_behind_relays(Io& io, one_of<state> auto& one) {
    io(one.waiting, one.drained);
    if (io.has(2))
        io(one.counters, one.names, one.addresses, one.backends);
}

} // namespace snipass::upgrade
