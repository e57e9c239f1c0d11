// SPDX-License-Identifier: BSL-1.0
// pass_hellos: a client whose hello was opened here, towards a backend that is connected to.
#pragma once

#include "snipass/delivery/routed_client.hpp"
#include "snipass/net/task.hpp"

namespace snipass::server {

// pass_hellos gives the backend the inner hello in place of the outer one, and, where it answers with a
// HelloRetryRequest, the second one likewise. Then, or as soon as the backend has answered otherwise, both
// sockets are as if the client had said no other hello, and may be relayed. The client's ech is used up.
//
// A client whose second hello is none, or has not come by the deadline, is told so; the connection to the
// backend is shut down then, and its record says why. What remains is to be relayed all the same: the end.
[[nodiscard]] net::task<> pass_hellos(routed_client& client, int backend, net::time_point deadline);

} // namespace snipass::server
