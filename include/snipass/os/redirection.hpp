// SPDX-License-Identifier: BSL-1.0
// redirection: what a client asked for, where this machine's firewall sent it elsewhere.
#pragma once

#include "snipass/base/ip_address.hpp"
#include "snipass/base/result.hpp"

#include <array>
#include <chrono>

namespace snipass::os {

// redirection knows whether the kernel tracks connections of a family, and so what was redirected. Most
// machines track all of them or none. Where it was none a moment ago, a call for each client is saved;
// whoever excepts some (NOTRACK) is not misled once one was tracked. One thread only.
class redirection {
  public:
    // destination_of is what an accepted client connected to: the address before this machine's firewall
    // redirected it (REDIRECT, DNAT), where connections are tracked, else local_endpoint.
    [[nodiscard]] result<ip_endpoint> destination_of(int client);

  private:
    struct family {
        bool is_tracked = false;
        std::chrono::steady_clock::time_point ask_again{};
    };

    std::array<family, 2> families_{}; // IPv6, IPv4
};

} // namespace snipass::os
