// SPDX-License-Identifier: BSL-1.0
// A client whose keys the kernel has.
#include "snipass/terminate/kernel_client.hpp"

#include "snipass/handoff/kernel_tls.h"
#include "snipass/os/kernel_tls.hpp"
#include "snipass/session/refusal.hpp"

namespace snipass::terminate {

offload give_to_kernel(int client, const connection& tls) {
    const auto keys = tls.keys();
    if (!keys || os::set_tls_keys(client, os::tls_direction::receive, keys->receive.bytes()))
        return offload::refused;
    return os::set_tls_keys(client, os::tls_direction::send, keys->send.bytes()) ? offload::broken
                                                                                 : offload::done;
}

net::task<> kernel_client::give_back(server::client_socket end) {
    (void)::kernel_tls_say_end(&handoff_libc, end.get()); // there is room: nothing was sent
    return server::close_in_order(thread_, source_, end.release());
}

net::task<std::optional<net::relay_result>> kernel_client::ended() {
    co_return std::nullopt;
}

} // namespace snipass::terminate
