// SPDX-License-Identifier: BSL-1.0
// comings: how often one client has come from another router.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace snipass::server {

// Two routers that hand what they do not know to each other would pass a client round for as long as it
// stays. The kernel's name for its socket (SO_COOKIE) is the same wherever it comes by. So many clients are
// known as there are slots; whoever falls into the slot of another one takes it, and a loop that was
// forgotten for that is found a little later. One thread only: with several a client goes round so much
// longer.
class comings {
  public:
    // count_one: the client comes again, and how often it has come. Of one that the kernel does not name (0)
    // nobody knows: 0.
    [[nodiscard]] std::size_t count_one(std::uint64_t cookie);

  private:
    struct slot {
        std::uint64_t cookie = 0; // the kernel names no socket so
        std::size_t times = 0;
    };

    std::array<slot, 1'024> slots_;
};

} // namespace snipass::server
