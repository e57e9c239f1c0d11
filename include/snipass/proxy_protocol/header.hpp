// SPDX-License-Identifier: BSL-1.0
// header: what a PROXY protocol header says.
#pragma once

#include "snipass/base/bytes.hpp"
#include "snipass/base/ip_address.hpp"
#include "snipass/proxy_protocol/constants.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace snipass::proxy_protocol {

// unique_id names one session across machines and restarts: 8 random bytes of this process, 8 of a counter.
using unique_id = std::array<std::uint8_t, 16>;

struct addresses {
    ip_endpoint source;      // the client
    ip_endpoint destination; // what it connected to
};

struct tlv {
    std::uint8_t type;
    byte_view value;
};

// tlv_list is a view of TLVs that were validated (read() does): none reaches beyond the end.
class tlv_list {
  public:
    tlv_list() = default;
    explicit tlv_list(byte_view bytes) noexcept : rest_(bytes) {}

    [[nodiscard]] bool empty() const noexcept { return rest_.empty(); }

    // The list is not empty.
    [[nodiscard]] tlv front() const noexcept { return {rest_[0], rest_.subspan(tlv_head_size, size())}; }
    void pop_front() noexcept { rest_ = rest_.subspan(tlv_head_size + size()); }

    // find is the value of the first TLV of that type.
    [[nodiscard]] std::optional<byte_view> find(std::uint8_t type) const noexcept {
        for (auto list = *this; !list.empty(); list.pop_front())
            if (list.front().type == type)
                return list.front().value;
        return std::nullopt;
    }

  private:
    [[nodiscard]] std::size_t size() const noexcept {
        return static_cast<std::size_t>(rest_[1]) << 8 | rest_[2];
    }

    byte_view rest_;
};

struct header {
    std::size_t size = 0;             // in the stream
    std::optional<addresses> about{}; // none: the socket's own addresses count
    tlv_list tlvs{};                  // of version 2; they lie in the stream
};

} // namespace snipass::proxy_protocol
