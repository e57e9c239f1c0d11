// SPDX-License-Identifier: BSL-1.0
// hello_reader: an opening that is a ClientHello.
#pragma once

#include "snipass/opening/reader.hpp"
#include "snipass/tls/client_hello_assembler.hpp"

namespace snipass::opening {

class hello_reader final : public reader {
  public:
    // hello_max: the largest handshake message accepted, in bytes.
    explicit hello_reader(std::size_t hello_max) noexcept : assembler_(hello_max) {}

    [[nodiscard]] answer read(byte_view stream, std::vector<std::uint8_t>& scratch) override;

  private:
    tls::client_hello_assembler assembler_;
};

} // namespace snipass::opening
