// SPDX-License-Identifier: BSL-1.0
// clear_pair: what a client is handed on by whose TLS ends in this process.
#pragma once

#include "snipass/base/result.hpp"
#include "snipass/delivery/client_socket.hpp"
#include "snipass/os/unique_fd.hpp"
#include "snipass/telling/record.hpp"

#include <cstdint>

namespace snipass::server {

// near_end is our end of such a pair.
struct near_end {
    os::unique_fd fd;
    // Who may have the other one: any number that is its own (net/foreign); 0: it is in this process.
    std::uint64_t party = 0;
};

// clear_pair makes a socket pair for each who is offered the client. Nothing passes before one of them has
// taken it, so nothing of the client is in the pairs of the others, and what they keep leads nowhere.
class clear_pair {
  public:
    // `client` is the client's own socket, for as long as this process has it.
    explicit clear_pair(const os::unique_fd& client) noexcept : client_(client) {}
    ~clear_pair() { end(); }
    clear_pair(const clear_pair&) = delete;
    clear_pair& operator=(const clear_pair&) = delete;

    [[nodiscard]] int client() const noexcept { return client_.get(); } // -1: gone

    // renew ends the pair before, and makes the far end that `party` is to get. That one can ask the kernel
    // who the client is (pair_name.h). Of party 0, which is this process, nobody asks.
    [[nodiscard]] result<client_socket> renew(const record& about, std::uint64_t party);

    [[nodiscard]] bool is_for(std::uint64_t party) const noexcept { return near_.fd && near_.party == party; }

    // take is for whoever the other end was taken from.
    [[nodiscard]] near_end take() noexcept { return std::move(near_); }

  private:
    void end();

    const os::unique_fd& client_;
    near_end near_;
};

// end_near closes it; what was sent there beside bytes ends where nobody waits for it.
void end_near(near_end near);

} // namespace snipass::server
