// connecting: a client on its way to one of several addresses.
#pragma once

#include "passage.hpp"

#include "snipass/os/error.hpp"
#include "snipass/server/target_list.hpp"

#include <vector>

namespace snipass::server {

struct connected {
    os::unique_fd fd;
    candidate to;
    counted session;
};

// What connect_to_one says where all that is left to try is this router's own.
inline const error_code would_loop = os::make_error(EDEADLK);

// connect_to_one tries the candidates in their order: the next one at once when one fails, or when it has had
// its head start (health.hpp). None is begun once `last_begin` has passed, and none for a client that has
// left. What would come back to a listener of this router is not tried at all. An error: operation_aborted if
// the client was not waited for any longer, else that of the last one that failed. The one that is connected
// to keeps no `state` in the list.
[[nodiscard]] net::task<result<connected>> connect_to_one(passage& way,
                                                          const config::backend_settings& settings,
                                                          std::vector<candidate>& candidates,
                                                          net::time_point last_begin);

} // namespace snipass::server
