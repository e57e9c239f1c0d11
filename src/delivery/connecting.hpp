// SPDX-License-Identifier: BSL-1.0
// connecting: a client on its way to one of several addresses.
#pragma once

#include "snipass/delivery/routed_client.hpp"

#include "snipass/backends/target_list.hpp"
#include "snipass/os/error.hpp"

#include <vector>

namespace snipass::server {

struct connected {
    os::unique_fd fd;
    candidate to;
    counted session;
};

// Why there is no connection: the error of the last address that failed.
struct not_connected {
    error_code why;
    std::string_view where{}; // that address, as written
};
using connection = boost::system::result<connected, not_connected>;

// What connect_to_one says where all that is left to try is this router's own.
inline const error_code would_loop = os::make_error(EDEADLK);

// What it says where a reload has removed the backend, whose clients are then closed.
inline const error_code has_been_removed = os::make_error(ESTALE);

// What it says where there was nothing to try.
extern const error_code nothing_to_try;

// make_room: where the problem is that there are no more descriptors, a client that waits for its hello gives
// its own up. False: that is not the problem, or nobody can help.
[[nodiscard]] net::task<bool> make_room(routed_client& client, error_code problem);

// How long a client is on its way at most.
struct patience {
    net::time_point last_begin;                   // no attempt is begun after this
    net::time_point end = net::time_point::max(); // none lasts longer
};

// connect_to_one tries the candidates in their order: the next one at once when one fails, or when it has had
// its head start (health.hpp); so many are under way at most. None is begun for a client that has left. What
// would come back to a listener of this router is not tried at all. An error: net::wait_error::cancelled if the
// client has left, one of the above, or that of the last one that failed. The one that is connected to keeps no
// `state` in the list.
[[nodiscard]] net::task<connection> connect_to_one(routed_client& client,
                                                   const config::backend_settings& settings,
                                                   std::vector<candidate>& candidates, patience limit);

} // namespace snipass::server
