// Which addresses are this machine's.
#pragma once

#include "snipass/base/ip_address.hpp"

namespace snipass::os {

// is_local asks the kernel's routing table (rtnetlink(7)) whether what is sent to `address` stays on this
// machine, whichever interface has it; yes, if the kernel does not answer. It does not wait for anybody.
[[nodiscard]] bool is_local(const ip_address& address);

} // namespace snipass::os
