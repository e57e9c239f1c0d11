// connecting: a client on its way to one of several addresses.
#pragma once

#include "passage.hpp"

#include "snipass/server/target_list.hpp"

#include <vector>

namespace snipass::server {

struct connected {
    os::unique_fd fd;
    candidate to;
};

// connect_to_one tries the candidates in their order: the next one at once when one fails, or, where both are
// addresses of one name, when it is slow. None is begun once `last_begin` has passed, and none for a client
// that has left. An error: that of the last one that failed.
[[nodiscard]] net::task<result<connected>> connect_to_one(passage& way,
                                                          const config::backend_settings& settings,
                                                          std::vector<candidate> candidates,
                                                          net::time_point last_begin);

} // namespace snipass::server
