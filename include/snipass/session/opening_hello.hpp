// SPDX-License-Identifier: BSL-1.0
// Encrypted hellos (RFC 9849): a client's hello is opened by snipass-ech before it is routed.
#pragma once

#include "snipass/backends/configuration_snapshot.hpp"
#include "snipass/net/task.hpp"
#include "snipass/proxy_protocol/ech_state.hpp"
#include "snipass/session/deciding.hpp"
#include "snipass/session/hearing.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace snipass::server {

// opened_hello is what was in an encrypted hello: the session's, until it is routed.
struct opened_hello {
    std::vector<std::uint8_t>
        message;             // ClientHelloInner, header included; the thread's `heard` points into it
    bool is_refused = false; // it breaks a rule: illegal_parameter, and no route, whatever the file says
    // For a backend with ech = "carried", all but the inner hello; null: the file has none.
    std::unique_ptr<proxy_protocol::ech_state> carried{};
};

// asks_for_opening: of a client whose hello was heard: its encrypted_client_hello must be looked at.
[[nodiscard]] bool asks_for_opening(unrouted_client& client, const configuration_snapshot& snapshot);

// open_hello has it opened, if it is for one of our keys, and notes in the record what became of it. It waits
// for snipass-ech, in the waiting room, until `deadline` at the latest. Without an error the thread's `heard`
// is what the client is routed by: the inner hello if `opened` is there (or a refusal), else the outer one.
// Errors: as hear_on().
[[nodiscard]] net::task<error_code> open_hello(unrouted_client& client,
                                               const configuration_snapshot& snapshot,
                                               net::time_point deadline,
                                               std::unique_ptr<opened_hello>& opened);

// decide_opened is what becomes of a client, whether its hello was opened or not. One that was, for a backend
// that has no use for it, goes by its outer name.
[[nodiscard]] verdict decide_opened(unrouted_client& client, const config::configuration& configuration,
                                    const config::listener_settings& listener, const opened_hello* opened);

// carried_state is what a backend with ech = "carried" gets of it, which is used up. Null: there is nothing,
// or the client went by its outer name.
[[nodiscard]] std::unique_ptr<proxy_protocol::ech_state> carried_state(const record& about,
                                                                       std::unique_ptr<opened_hello> opened);

} // namespace snipass::server
