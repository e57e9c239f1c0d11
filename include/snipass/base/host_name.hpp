// SPDX-License-Identifier: BSL-1.0
// host_name: a DNS host name that was validated once and is compared by its bytes from then on.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace snipass {

// host_name holds up to 253 characters: lower-case, no trailing dot, labels of 1 to 63 letters, digits, '-'
// or '_' (RFC 1123 section 2.1; '_' because it is in use). It is a plain value of 254 bytes: copying it
// allocates nothing.
//
// Not a host name: an empty text, an empty label, an IPv4 or IPv6 literal (RFC 6066 section 3 forbids them; a
// name whose last label is all digits is taken for one), any other character.
class host_name {
  public:
    // The text form of a DNS name has at most 253 characters without the final dot (RFC 1035 section 2.3.4).
    static constexpr std::size_t max_size = 253;
    static constexpr std::size_t max_label_size = 63;

    // parse folds case and drops one trailing dot. nullopt: no host name (see above).
    [[nodiscard]] static std::optional<host_name> parse(std::string_view text) noexcept;

    [[nodiscard]] std::string_view text() const noexcept { return {text_.data(), size_}; }

    friend bool operator==(const host_name& a, const host_name& b) noexcept { return a.text() == b.text(); }

  private:
    struct unset {};

  public:
    explicit host_name(unset /*only parse() has one*/) noexcept {}

  private:
    bool fill(std::string_view text) noexcept;

    std::array<char, max_size> text_; // the first size_ are set
    std::uint8_t size_ = 0;
};

} // namespace snipass
