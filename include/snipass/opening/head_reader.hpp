// SPDX-License-Identifier: BSL-1.0
// head_reader: an opening that is the head of an HTTP/1 request.
#pragma once

#include "snipass/http/head_scanner.hpp"
#include "snipass/opening/reader.hpp"

namespace snipass::opening {

class head_reader final : public reader {
  public:
    // head_max: the largest head accepted, in bytes, the empty line behind it included.
    explicit head_reader(std::size_t head_max) noexcept : scanner_(head_max), head_max_(head_max) {}

    [[nodiscard]] answer read(byte_view stream, std::vector<std::uint8_t>& scratch) override;

  private:
    http::head_scanner scanner_;
    std::size_t head_max_;
};

} // namespace snipass::opening
