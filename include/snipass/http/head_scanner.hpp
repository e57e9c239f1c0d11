// SPDX-License-Identifier: BSL-1.0
// head_scanner: finds the end of a request head in a TCP stream that is only peeked at.
#pragma once

#include "snipass/base/bytes.hpp"
#include "snipass/base/result.hpp"
#include "snipass/http/head_error.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>

namespace snipass::http {

// head_scanner walks a request line and field lines (RFC 9112 sections 2 to 5) up to the empty line behind
// them. It is given the stream from its first byte each time, keeps nothing but its position (24 bytes), and
// looks at each byte once, however the bytes trickle in: a waiting session costs no buffer.
//
// It refuses at once, not when the head is complete, whatever no later byte can mend. After an error it
// answers the same error again.
class head_scanner {
  public:
    // head_max: the largest head accepted, in bytes, the empty line included; below 4 GiB.
    explicit head_scanner(std::size_t head_max) noexcept : head_max_(static_cast<std::uint32_t>(head_max)) {}

    // advance looks at what is new in `stream`, the bytes received so far from the first on; it never shrinks
    // between calls. Returns how many bytes the stream must have before calling again makes sense: at most
    // stream.size() means that the head is complete and that many bytes long.
    //
    // The number serves as SO_RCVLOWAT: of the first bytes each may show that this is no HTTP; from then on
    // it is the fewest that can complete the head.
    [[nodiscard]] result<std::size_t> advance(byte_view stream) noexcept;

    // How many stream bytes advance() has looked at since construction: for the test that it is linear.
    [[nodiscard]] std::size_t bytes_examined() const noexcept { return bytes_examined_; }

  private:
    enum class place : std::uint8_t {
        start,
        record_version, // behind the first byte of what may be a TLS record
        method,
        target_start,
        target,
        version,
        version_line_feed,
        line_start,
        name,
        value,
        value_line_feed,
        last_line_feed,
        behind,
    };

    [[nodiscard]] static unsigned run_of(place where) noexcept;
    [[nodiscard]] std::optional<head_error> turn(std::uint8_t byte) noexcept;
    [[nodiscard]] std::optional<head_error> begin(std::uint8_t byte) noexcept;
    [[nodiscard]] std::optional<head_error> read_version(std::uint8_t byte) noexcept;
    [[nodiscard]] std::optional<head_error> begin_line(std::uint8_t byte) noexcept;
    [[nodiscard]] std::optional<head_error> expect_line_feed(std::uint8_t byte, place next) noexcept;
    [[nodiscard]] std::size_t fewest() const noexcept;

    std::size_t bytes_examined_ = 0;
    std::uint32_t head_max_;
    std::uint32_t cursor_ = 0; // the next byte to look at
    place place_ = place::start;
    std::uint8_t version_seen_ = 0; // bytes of it
};

} // namespace snipass::http
