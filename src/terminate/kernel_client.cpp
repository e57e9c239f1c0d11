// SPDX-License-Identifier: BSL-1.0
// A client whose keys the kernel has.
#include "snipass/terminate/kernel_client.hpp"

#include "snipass/handoff/kernel_tls.h"
#include "snipass/net/wait_error.hpp"
#include "snipass/os/error.hpp"
#include "snipass/os/kernel_tls.hpp"
#include "snipass/os/tcp.hpp"
#include "snipass/session/refusal.hpp"

namespace snipass::terminate {

offload give_to_kernel(int client, const connection& tls) {
    const auto keys = tls.keys();
    if (!keys || os::set_tls_keys(client, os::tls_direction::receive, keys->receive.bytes()))
        return offload::refused;
    return os::set_tls_keys(client, os::tls_direction::send, keys->send.bytes()) ? offload::broken
                                                                                 : offload::done;
}

namespace {

// is_of_tls: a read has met a record that is no data, or is none.
bool is_of_tls(const error_code& problem) {
    return problem == os::make_error(EIO) || problem == os::make_error(EBADMSG) ||
           problem == os::make_error(EINVAL) || problem == os::make_error(EMSGSIZE);
}

} // namespace

// hear peeks, as the router does: what the client says is still in its socket then.
net::task<error_code> kernel_client::hear(server::unrouted_client& client, opening::reader& reader,
                                          net::time_point deadline) {
    client.socket = std::move(client_);
    auto problem = server::hear_now(client, reader);
    if (os::would_block(problem))
        problem = co_await server::hear_on(client, reader, deadline);
    client_ = std::move(client.socket);
    co_return is_of_tls(problem) ? make_error_code(net::wait_error::end_of_file) : problem;
}

net::task<> kernel_client::give_back(server::client_socket end, byte_view last_words) {
    if (!last_words.empty())
        (void)os::send_now(end.get(), last_words);
    (void)::kernel_tls_say_end(&handoff_libc, end.get()); // there is room: nothing was sent
    return server::close_in_order(thread_, source_, end.release());
}

net::task<std::optional<net::relay_result>> kernel_client::ended() {
    co_return std::nullopt;
}

} // namespace snipass::terminate
