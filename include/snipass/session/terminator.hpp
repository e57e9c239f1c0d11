// SPDX-License-Identifier: BSL-1.0
// terminator: what stands between a client's route and its backend in a program that ends TLS (snipass-tls).
// The router has none, and knows nothing of what implements it.
#pragma once

#include "snipass/config/configuration.hpp"
#include "snipass/delivery/clear_pair.hpp"
#include "snipass/delivery/client_socket.hpp"
#include "snipass/delivery/encryption.hpp"
#include "snipass/net/relay.hpp"
#include "snipass/net/task.hpp"
#include "snipass/session/hearing.hpp"
#include "snipass/telling/outcome.hpp"

#include <memory>
#include <optional>
#include <utility>
#include <variant>

namespace snipass::server {

// in_clear is a client whose TLS ends in this process, from the end of its handshake on. Either this process
// stays in the path, from the moment on at which somebody has taken one end of a socket pair: what the client
// says comes out there, and what goes in there is said to it. Until then it waits in the client's socket. Or
// the kernel has the keys, and the client's own socket says it.
class in_clear {
  public:
    in_clear() = default;
    virtual ~in_clear() = default; // if it has not ended, the client gets RST
    in_clear(const in_clear&) = delete;
    in_clear& operator=(const in_clear&) = delete;

    // own is the client's socket where this process stays in the path; null: it is not to.
    [[nodiscard]] virtual const os::unique_fd* own() const { return nullptr; }

    // hear waits for what the client says first, as hear_now() and hear_on() do, and with their errors. Where
    // this process stays in the path, `client.consumed` has it at the end, and nothing of what follows.
    [[nodiscard]] virtual net::task<error_code> hear(unrouted_client& client, opening::reader& reader,
                                                     net::time_point deadline) = 0;

    // begin: somebody has the other end of `near`, and has not been told of the bytes `untold`. Once, and
    // only where this process stays in the path.
    virtual void begin(near_end near, byte_view /*untold*/) { end_near(std::move(near)); }

    // take_socket gives away the client's own socket, once, where this process does not stay in the path.
    [[nodiscard]] virtual client_socket take_socket() { return {}; }

    // give_back: nobody took it, be it the socket or an end of a pair. The client hears `last_words`, which
    // are few, and close_notify.
    [[nodiscard]] virtual net::task<> give_back(client_socket end, byte_view last_words) = 0;

    // ended waits until both sides are done, and says how it was. nullopt: this process is out of the path.
    [[nodiscard]] virtual net::task<std::optional<net::relay_result>> ended() = 0;
};

class terminator : public encryption {
  public:
    // terminate does the handshake with a client whose hello was heard and is still in its socket, for a
    // backend whose TLS ends here. An outcome: it failed, the client was told why, and its socket is closed.
    [[nodiscard]] virtual net::task<std::variant<outcome, std::unique_ptr<in_clear>>>
    terminate(unrouted_client& client, const config::backend_settings& to) = 0;
};

} // namespace snipass::server
