// SPDX-License-Identifier: BSL-1.0
// kernel_client: a client whose keys the kernel has.
#pragma once

#include "snipass/context/context.hpp"
#include "snipass/session/terminator.hpp"
#include "snipass/terminate/connection.hpp"

namespace snipass::terminate {

// Whether the kernel goes on with a connection.
enum class offload {
    done,
    refused, // and OpenSSL may go on
    broken,  // neither can
};

// give_to_kernel: the handshake over `client` is done, and os::begin_kernel_tls was called in front of it.
[[nodiscard]] offload give_to_kernel(int client, const connection& tls);

// kernel_client has the client until a backend takes it. Then there is no descriptor, no memory and no key of
// it in this process.
class kernel_client final : public server::in_clear {
  public:
    kernel_client(server::context& thread, const ip_address& source, server::client_socket client)
        : thread_(thread), source_(source), client_(std::move(client)) {}

    [[nodiscard]] server::client_socket take_socket() override { return std::move(client_); }
    [[nodiscard]] net::task<error_code> hear(server::unrouted_client& client, opening::reader& reader,
                                             net::time_point deadline) override;
    [[nodiscard]] net::task<> give_back(server::client_socket end, byte_view last_words) override;
    [[nodiscard]] net::task<std::optional<net::relay_result>> ended() override;

  private:
    server::context& thread_;
    ip_address source_;
    server::client_socket client_;
};

} // namespace snipass::terminate
