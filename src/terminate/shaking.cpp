// SPDX-License-Identifier: BSL-1.0
// A handshake, step by step, with the waits in between.
#include "snipass/terminate/shaking.hpp"

#include "snipass/os/error.hpp"

namespace snipass::terminate {

net::task<error_code> shake_hands(connection& tls, progress last, net::fd_watch& watch,
                                  net::time_point deadline) {
    while (last == progress::wants_readable || last == progress::wants_writable) {
        error_code ec;
        if (last == progress::wants_readable)
            ec = co_await watch.readable(deadline);
        else
            ec = co_await watch.writable(deadline);
        if (ec)
            co_return ec;
        last = tls.shake();
    }
    if (last == progress::done)
        co_return error_code{};
    co_return os::make_error(EPROTO);
}

} // namespace snipass::terminate
