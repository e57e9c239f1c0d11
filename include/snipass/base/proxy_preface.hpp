// SPDX-License-Identifier: BSL-1.0
// proxy_preface: the PROXY protocol header with which a load balancer in front begins a connection.
#pragma once

#include "snipass/base/bytes.hpp"
#include "snipass/base/ip_address.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace snipass {

// proxy_preface is a version 1 or version 2 header (HAProxy's doc/proxy-protocol.txt), read strictly: what
// the text does not allow is malformed, and so are the transports that do not come to a TCP listener (UDP,
// unix).
struct proxy_preface {
    enum class reading {
        complete,
        partial, // needed bytes from the start of the stream, before another look makes sense
        malformed,
    };

    struct addresses {
        ip_endpoint client;
        ip_endpoint local; // that the client connected to
    };

    // The longest that is read: a version 2 header with that much behind its first 16 bytes.
    static constexpr std::size_t max_v2_length = 2'048;
    static constexpr std::size_t max_size = 16 + max_v2_length;

    reading state = reading::partial;
    std::size_t needed = 1;
    std::size_t size = 0;               // of the header, if it is complete
    std::optional<addresses> told = {}; // none: the balancer speaks for itself (LOCAL, UNKNOWN)
    // UNIQUE_ID, where it has the 16 bytes that a router's has.
    std::optional<std::array<std::uint8_t, 16>> unique_id = {};

    // parse reads the bytes that have come so far.
    [[nodiscard]] static proxy_preface parse(byte_view bytes);
};

} // namespace snipass
