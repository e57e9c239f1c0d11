// SPDX-License-Identifier: BSL-1.0
// Addresses as values: an IPv4 or IPv6 address, and an address with its port. The core compares and prints
// them; it never opens a socket.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace snipass {

// ip_address is 16 bytes in network order. An IPv4 address is held as its IPv4-mapped form (RFC 4291 section
// 2.5.5.2), so a client of a dual-stack listener and the same client of an IPv4 listener are equal.
class ip_address {
  public:
    using bytes_type = std::array<std::uint8_t, 16>;

    ip_address() = default; // "::"
    explicit ip_address(const bytes_type& bytes) noexcept : bytes_(bytes) {}

    [[nodiscard]] static ip_address v4(const std::array<std::uint8_t, 4>& bytes) noexcept;

    // parse takes "192.0.2.1" or "2001:db8::1" (inet_pton(3)); no brackets, no zone, no port.
    [[nodiscard]] static std::optional<ip_address> parse(std::string_view text);

    [[nodiscard]] bool is_v4() const noexcept;
    [[nodiscard]] const bytes_type& bytes() const noexcept { return bytes_; }
    [[nodiscard]] std::array<std::uint8_t, 4>
    v4_bytes() const noexcept;                   // the last four; meaningful if is_v4()
    [[nodiscard]] std::string to_string() const; // RFC 5952; IPv4 as a dotted quad

    auto operator<=>(const ip_address&) const = default; // NOLINT(modernize-use-nullptr): clang-tidy 14

  private:
    bytes_type bytes_{};
};

struct ip_endpoint {
    ip_address address;
    std::uint16_t port = 0;

    // parse takes "192.0.2.1:443" or "[2001:db8::1]:443"; the port is decimal, 0 to 65535.
    [[nodiscard]] static std::optional<ip_endpoint> parse(std::string_view text);
    [[nodiscard]] std::string to_string() const;

    auto operator<=>(const ip_endpoint&) const = default; // NOLINT(modernize-use-nullptr): clang-tidy 14
};

// overlap: a listening socket of one also gets clients of the other, because it is the same, or the wildcard
// address of the other's family; "::" is both families' (ipv6(7), IPV6_V6ONLY off).
[[nodiscard]] bool overlap(const ip_endpoint& a, const ip_endpoint& b) noexcept;

// includes: a socket that listens on `wide`, a wildcard address, gets the clients of `narrow`, and `narrow`
// is another address than that.
[[nodiscard]] bool includes(const ip_endpoint& wide, const ip_endpoint& narrow) noexcept;

// ip_prefix is an address with a prefix length, as in CIDR notation (RFC 4632): "192.0.2.0/24",
// "2001:db8::/32".
class ip_prefix {
  public:
    // prefix(address, length): the bits behind length are cleared. length counts from the start of the
    // address's own family: 0 to 32 for IPv4, 0 to 128 for IPv6; a larger one is cut to that.
    ip_prefix(ip_address address, unsigned length) noexcept;

    // parse takes "192.0.2.0/24", or a bare address for a single host. Bits set behind the length are an
    // error (they are most often a slip), answered with nullopt.
    [[nodiscard]] static std::optional<ip_prefix> parse(std::string_view text);

    [[nodiscard]] bool contains(const ip_address& address) const noexcept;
    [[nodiscard]] const ip_address& address() const noexcept { return address_; } // the first one inside
    [[nodiscard]] ip_address last() const noexcept;                               // and the last
    [[nodiscard]] unsigned length() const noexcept; // as written: 24 for 192.0.2.0/24
    [[nodiscard]] std::string to_string() const;

    auto operator<=>(const ip_prefix&) const = default; // NOLINT(modernize-use-nullptr): clang-tidy 14

  private:
    ip_address address_;
    unsigned length_ = 0; // of the 128-bit form
};

} // namespace snipass
