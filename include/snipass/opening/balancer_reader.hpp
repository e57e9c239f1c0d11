// SPDX-License-Identifier: BSL-1.0
// balancer_reader: the PROXY protocol header with which a load balancer in front begins a connection.
#pragma once

#include "snipass/opening/reader.hpp"

namespace snipass::opening {

// Its only step consumes the header and says nothing.
class balancer_reader final : public reader {
  public:
    [[nodiscard]] answer read(byte_view stream, std::vector<std::uint8_t>& scratch) override;
};

} // namespace snipass::opening
