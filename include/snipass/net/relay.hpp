// relay: both directions between a client and a proxied backend, until both are done.
#pragma once

#include "snipass/base/result.hpp"
#include "snipass/net/event_loop.hpp"
#include "snipass/net/fd_watch.hpp"
#include "snipass/os/unique_fd.hpp"

#include <chrono>
#include <cstdint>
#include <string_view>

namespace snipass::net {

// relay_end is how a relay came to its end.
enum class relay_end {
    finished,     // both sides closed in order
    client_reset, // the client's side failed
    backend_reset,
    idle, // idle_timeout passed without a byte
};

[[nodiscard]] std::string_view to_string(relay_end end) noexcept;

struct relay_result {
    relay_end end = relay_end::finished;
    std::uint64_t to_backend = 0; // bytes
    std::uint64_t to_client = 0;
};

// relay passes bytes and FINs, each direction for itself: a side that has said all it had to say still hears
// the other out. It owns both sockets and closes them at the end. A failure on one side ends both.
[[nodiscard]] task<relay_result> relay(event_loop& loop, os::unique_fd client, os::unique_fd backend,
                                       std::chrono::milliseconds idle_timeout);

} // namespace snipass::net
