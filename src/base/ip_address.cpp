// SPDX-License-Identifier: BSL-1.0
// Addresses from and to text. inet_pton(3) and inet_ntop(3) do the hard part: they are pure functions and no
// two programs on the machine should disagree on what an address is.
#include "snipass/base/ip_address.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>

namespace snipass {
namespace {

constexpr unsigned v4_offset = 96; // in bits, of an IPv4 address in its mapped form
constexpr std::array<std::uint8_t, 12> v4_mapped_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr ip_address::bytes_type all_ones{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                          0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

// parse_number reads decimal digits and nothing else: no sign, no space, not more than `max`.
std::optional<unsigned> parse_number(std::string_view text, unsigned max) {
    unsigned value = 0;
    const auto* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc{} || stop != end || value > max)
        return std::nullopt;
    return value;
}

// clear_behind zeroes the bits behind the first `length` of an address.
ip_address::bytes_type clear_behind(ip_address::bytes_type bytes, unsigned length) noexcept {
    for (unsigned i = 0; i < bytes.size(); ++i) {
        const unsigned kept = std::clamp(length, i * 8, i * 8 + 8) - i * 8;
        bytes[i] = static_cast<std::uint8_t>(bytes[i] & (0xff00U >> kept));
    }
    return bytes;
}

} // namespace

ip_address ip_address::v4(const std::array<std::uint8_t, 4>& bytes) noexcept {
    ip_address address;
    std::copy(v4_mapped_prefix.begin(), v4_mapped_prefix.end(), address.bytes_.begin());
    std::copy(bytes.begin(), bytes.end(), address.bytes_.begin() + v4_mapped_prefix.size());
    return address;
}

std::optional<ip_address> ip_address::parse(std::string_view text) {
    // inet_pton wants a C string: a NUL inside would hide what stands behind it.
    std::array<char, INET6_ADDRSTRLEN> c_string{};
    if (text.size() >= c_string.size() || text.find('\0') != text.npos)
        return std::nullopt;
    std::copy(text.begin(), text.end(), c_string.begin());

    std::array<std::uint8_t, 4> four{};
    if (::inet_pton(AF_INET, c_string.data(), four.data()) == 1)
        return v4(four);
    bytes_type sixteen{};
    if (::inet_pton(AF_INET6, c_string.data(), sixteen.data()) == 1)
        return ip_address{sixteen};
    return std::nullopt;
}

bool ip_address::is_v4() const noexcept {
    return std::equal(v4_mapped_prefix.begin(), v4_mapped_prefix.end(), bytes_.begin());
}

std::array<std::uint8_t, 4> ip_address::v4_bytes() const noexcept {
    return {bytes_[12], bytes_[13], bytes_[14], bytes_[15]};
}

std::string ip_address::to_string() const {
    std::array<char, INET6_ADDRSTRLEN> text{};
    const bool v4 = is_v4();
    ::inet_ntop(v4 ? AF_INET : AF_INET6, bytes_.data() + (v4 ? v4_mapped_prefix.size() : 0), text.data(),
                text.size());
    return text.data();
}

std::optional<ip_endpoint> ip_endpoint::parse(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == text.npos)
        return std::nullopt;
    auto host = text.substr(0, colon);
    const auto port = parse_number(text.substr(colon + 1), 65'535);
    if (!port)
        return std::nullopt;

    // Brackets around IPv6 and only there (RFC 3986 section 3.2.2); without them "::1:443" would have two
    // readings.
    const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
    if (bracketed)
        host = host.substr(1, host.size() - 2);
    if (bracketed != (host.find(':') != host.npos))
        return std::nullopt;

    const auto address = ip_address::parse(host);
    if (!address)
        return std::nullopt;
    return ip_endpoint{*address, static_cast<std::uint16_t>(*port)};
}

std::string ip_endpoint::to_string() const {
    const auto host = address.to_string();
    return (address.is_v4() ? host : "[" + host + "]") + ":" + std::to_string(port);
}

bool includes(const ip_endpoint& wide, const ip_endpoint& narrow) noexcept {
    const bool any_v4 = wide.address == ip_address::v4({}) && narrow.address.is_v4();
    const bool any = wide.address == ip_address{};
    return wide.port == narrow.port && (any || any_v4) && wide.address != narrow.address;
}

bool overlap(const ip_endpoint& a, const ip_endpoint& b) noexcept {
    return a == b || includes(a, b) || includes(b, a);
}

ip_prefix::ip_prefix(ip_address address, unsigned length) noexcept {
    length_ = address.is_v4() ? v4_offset + std::min(length, 32U) : std::min(length, 128U);
    address_ = ip_address{clear_behind(address.bytes(), length_)};
}

std::optional<ip_prefix> ip_prefix::parse(std::string_view text) {
    const auto slash = text.find('/');
    const auto written = text.substr(0, slash);
    const auto address = ip_address::parse(written);
    if (!address)
        return std::nullopt;
    if (slash == text.npos)
        return ip_prefix{*address, 128};

    const bool dotted_quad = written.find(':') == written.npos;
    const auto length = parse_number(text.substr(slash + 1), dotted_quad ? 32 : 128);
    if (!length)
        return std::nullopt;
    const unsigned bits = dotted_quad ? v4_offset + *length : *length;
    if (clear_behind(address->bytes(), bits) != address->bytes())
        return std::nullopt;

    // "::ffff:192.0.2.0/120" is the IPv4 prefix 192.0.2.0/24: its 0xffff is not behind the length, so bits
    // >= 96.
    return ip_prefix{*address, address->is_v4() ? bits - v4_offset : bits};
}

// A prefix holds addresses of its own family: "::/0" is every IPv6 client and no IPv4 one, although the
// mapped forms of the latter lie inside it.
bool ip_prefix::contains(const ip_address& address) const noexcept {
    return address.is_v4() == address_.is_v4() && clear_behind(address.bytes(), length_) == address_.bytes();
}

ip_address ip_prefix::last() const noexcept {
    auto bytes = address_.bytes();
    const auto mask = clear_behind(all_ones, length_);
    for (unsigned i = 0; i < bytes.size(); ++i)
        bytes[i] = static_cast<std::uint8_t>(bytes[i] | ~mask[i]);
    return ip_address{bytes};
}

unsigned ip_prefix::length() const noexcept {
    return address_.is_v4() ? length_ - v4_offset : length_;
}

std::string ip_prefix::to_string() const {
    return address_.to_string() + "/" + std::to_string(length());
}

} // namespace snipass
