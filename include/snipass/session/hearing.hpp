// SPDX-License-Identifier: BSL-1.0
// hear: what a client says before it can be routed, as it comes in.
#pragma once

#include "snipass/context/context.hpp"
#include "snipass/delivery/client_socket.hpp"
#include "snipass/net/event_loop.hpp"
#include "snipass/opening/reader.hpp"
#include "snipass/telling/record.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace snipass::server {

// unrouted_client is a client of whom is not known yet where it goes.
struct unrouted_client {
    context& thread;
    client_socket socket;
    record about; // its hello_bytes is what the last look found
    std::vector<std::uint8_t>
        consumed{};               // what another router read of it: it comes before what is in the socket
    net::time_point held_since{}; // zero: it is not held
};

// hear_now peeks at what has arrived and lets the reader judge; of the bytes it takes out of the socket only
// those that a step consumes. No error: the reader has its answer, which is in the thread's `heard`: the
// question, a refusal, or the last step. EAGAIN: `heard` says what it needs. Else the client has left
// (net::wait_error::end_of_file), or what recv(2) says. `expected`: how many bytes may be there, if that is
// known.
[[nodiscard]] error_code hear_now(unrouted_client& client, opening::reader& reader, std::size_t expected = 0);

// hear_on waits for what is missing, after hear_now said EAGAIN, until the reader has its answer. Errors: as
// above but EAGAIN; net::wait_error::timed_out; a shed_reason. Without one the socket is as it was before.
[[nodiscard]] net::task<error_code> hear_on(unrouted_client& client, opening::reader& reader,
                                            net::time_point deadline);

// premature_end: why a session ended whose client said nothing that can be judged; nullopt if it did.
// `problem` is an error of these, or of what was done with a balancer's header.
[[nodiscard]] std::optional<outcome> premature_end(const error_code& problem);

} // namespace snipass::server
