// SPDX-License-Identifier: BSL-1.0
// sessions: what a worker knows of its clients that are in flight, for an admin. All runs on the worker's
// thread.
#pragma once

#include "snipass/context/context.hpp"
#include "snipass/operating/session_list.hpp"

#include <cstddef>
#include <string>

namespace snipass::server {

// list_sessions finds the worker's sessions, of the backend of that name alone where it is not empty, and no
// more than `most`, whichever those are.
[[nodiscard]] session_list list_sessions(context& thread, unsigned worker, const std::string& backend,
                                         std::size_t most);

// close_session ends that one. Its client gets a FIN, or RST where it is relayed. False: it has ended, or a
// backend has it.
[[nodiscard]] bool close_session(context& thread, const session_id& id);

} // namespace snipass::server
