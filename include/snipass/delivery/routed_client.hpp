// SPDX-License-Identifier: BSL-1.0
// routed_client: a client on its way to a backend.
#pragma once

#include "snipass/backends/backend.hpp"
#include "snipass/context/context.hpp"
#include "snipass/delivery/client_socket.hpp"
#include "snipass/proxy_protocol/ech_state.hpp"
#include "snipass/proxy_protocol/write.hpp"
#include "snipass/telling/record.hpp"

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace snipass::server {

class clear_pair; // snipass/delivery/clear_pair.hpp
class encryption; // snipass/delivery/encryption.hpp

// It owns the socket; all else is its session's. Its bytes are still in the socket, or, on the way to a
// `datagram` backend that had no room after all, in `consumed`.
struct routed_client {
    context& thread;
    const std::shared_ptr<configuration_snapshot>& snapshot;
    std::size_t opening_size; // of what a receiver is given that cannot look into the socket
    record& about;
    std::vector<std::uint8_t>& consumed; // the client's first bytes, once they are no longer in its socket
    client_socket socket;
    server::encryption* encryption = nullptr; // towards backends; null in the router
    // Of a client whose hello was opened, towards a backend that is told so: its session's. Null: the hello
    // in the socket is the one that is meant.
    const proxy_protocol::ech_state* ech = nullptr;
    clear_pair* pair = nullptr;   // what it is handed on by, where that is not its own socket
    net::time_point held_since{}; // zero: it is not held
    pending* place = nullptr;     // with the backend that it is on its way to

    // first_bytes is the client's opening, and no byte more; good until the next wait. It is looked at again
    // unless nobody else has looked since.
    [[nodiscard]] result<byte_view> first_bytes();

    // make_ready, before each offer: what a backend that did not take it may have changed is as it was, and
    // what such a one may have kept leads nowhere. `party` is who gets it: any number that is its own; 0:
    // this process.
    [[nodiscard]] error_code make_ready(std::uint64_t party);

    // facts is what a PROXY header says of the client; its `alpn` lies in the record.
    [[nodiscard]] proxy_protocol::facts facts();

    // note adds what went wrong with the backend that is tried to the session's detail, once.
    void note(std::string_view what);

    // is_gone: the client's connection has failed, or both sides are closed: there is nobody left to serve. A
    // client that has only closed its side may wait for the answer, or may have left: nobody can tell before
    // something is sent to it, so it is served.
    [[nodiscard]] bool is_gone() const;
    [[nodiscard]] bool has_closed() const; // its side, or both

    // is_displaced: its place is another's. displacement ends what it waits for then.
    [[nodiscard]] bool is_displaced() const noexcept { return place->is_displaced(); }
    [[nodiscard]] net::interruption& displacement() const noexcept { return place->displacement(); }

    // keeps_place: the client is still there, and still has its place. One that has closed its sending side
    // is the first of its source to lose it.
    [[nodiscard]] bool keeps_place() const;

    // is_removed: a reload has taken away the backend `of`, or its address (as written), since this client
    // began.
    [[nodiscard]] bool is_removed(const config::backend_settings& of, std::string_view address = {}) const;

  private:
    [[nodiscard]] int own() const; // its own socket; -1: gone
};

} // namespace snipass::server
