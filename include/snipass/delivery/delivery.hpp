// SPDX-License-Identifier: BSL-1.0
// deliver: a routed client on its way to a backend.
#pragma once

#include "snipass/context/context.hpp"
#include "snipass/net/hello_peeker.hpp"
#include "snipass/os/unique_fd.hpp"
#include "snipass/telling/record.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace snipass::server {

// deliver gives a client to the backend `first` (an index into the generation's) or to those it names as
// sorry: to each address in turn, then again while the client is held. The outcome is that of the last
// backend tried; what went wrong before is in the record's detail. All arguments outlive the call. `client`
// is closed if it was taken, and still open if nobody took it: until then nothing of it is lost. nullopt:
// it is relayed, and the session goes on as a proxied_session, which has taken the record too.
[[nodiscard]] net::task<std::optional<outcome>>
deliver(context& thread, const std::shared_ptr<generation>& site, os::unique_fd& client,
        net::hello_peeker& peeker, record& about, std::size_t first, std::vector<std::uint8_t> consumed = {});

} // namespace snipass::server
