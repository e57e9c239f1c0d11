// SPDX-License-Identifier: BSL-1.0
// The PROXY protocol's headers, from bytes.
#include "snipass/base/proxy_preface.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <string_view>

namespace snipass {
namespace {

using reading = proxy_preface::reading;

constexpr std::array<std::uint8_t, 12> v2_signature{0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D,
                                                    0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A};
constexpr std::size_t v2_fixed = 16;
constexpr std::string_view v1_signature = "PROXY ";
constexpr std::size_t v1_max_size = 107; // with CRLF (section 2.1)

proxy_preface malformed() {
    return {reading::malformed, 0, 0, {}, {}};
}

proxy_preface partial(std::size_t needed) {
    return {reading::partial, needed, 0, {}, {}};
}

proxy_preface complete(std::size_t size, std::optional<proxy_preface::addresses> told) {
    return {reading::complete, size, size, told, {}};
}

// word takes what stands before the next space, or all that is left.
std::string_view word(std::string_view& line) {
    const auto end = std::min(line.find(' '), line.size());
    const auto first = line.substr(0, end);
    line.remove_prefix(std::min(end + 1, line.size()));
    return first;
}

std::optional<ip_address> address(std::string_view text, bool v4) {
    const auto read = ip_address::parse(text);
    // "::ffff:192.0.2.1" is an IPv6 text of an IPv4 address: a colon tells the families apart.
    if (!read || (text.find(':') == std::string_view::npos) != v4)
        return std::nullopt;
    return read;
}

std::optional<std::uint16_t> port(std::string_view text) {
    std::uint16_t value = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool leading_zero = text.size() > 1 && text.front() == '0';
    if (problem != std::errc{} || end != text.data() + text.size() || leading_zero)
        return std::nullopt;
    return value;
}

proxy_preface parse_v1_line(std::string_view line, std::size_t size) {
    const auto spaces = std::ranges::count(line, ' ');
    const auto family = word(line);
    if (family == "UNKNOWN")
        return complete(size, std::nullopt); // whatever follows is to be ignored
    const bool v4 = family == "TCP4";
    if ((!v4 && family != "TCP6") || spaces != 4)
        return malformed();
    const auto from = address(word(line), v4);
    const auto to = address(word(line), v4);
    const auto from_port = port(word(line));
    const auto to_port = port(word(line));
    if (!from || !to || !from_port || !to_port)
        return malformed();
    return complete(size, proxy_preface::addresses{{*from, *from_port}, {*to, *to_port}});
}

proxy_preface parse_v1(std::string_view text) {
    const auto end = text.substr(0, v1_max_size).find('\n');
    if (end == std::string_view::npos)
        return text.size() >= v1_max_size ? malformed() : partial(text.size() + 1);
    if (end < v1_signature.size() || text[end - 1] != '\r')
        return malformed();
    return parse_v1_line(text.substr(v1_signature.size(), end - 1 - v1_signature.size()), end + 1);
}

// Of the TLVs only one says anything that is used, but none may lie about its length.
bool read_tlvs(byte_view rest, proxy_preface& into) {
    constexpr std::size_t head = 3;
    constexpr std::uint8_t unique_id = 0x05;
    constexpr std::size_t unique_id_size = 16;
    while (!rest.empty()) {
        if (rest.size() < head)
            return false;
        const std::size_t length = static_cast<std::size_t>(rest[1]) << 8 | rest[2];
        if (rest.size() < head + length)
            return false;
        if (rest[0] == unique_id && length == unique_id_size)
            std::ranges::copy(rest.subspan(head, length), into.unique_id.emplace().begin());
        rest = rest.subspan(head + length);
    }
    return true;
}

ip_address read_address(byte_view bytes, bool v4) {
    if (v4) {
        std::array<std::uint8_t, 4> four{};
        std::ranges::copy(bytes.first(four.size()), four.begin());
        return ip_address::v4(four);
    }
    ip_address::bytes_type sixteen{};
    std::ranges::copy(bytes.first(sixteen.size()), sixteen.begin());
    return ip_address{sixteen};
}

std::uint16_t read_port(byte_view bytes) {
    return static_cast<std::uint16_t>(bytes[0] << 8 | bytes[1]);
}

proxy_preface parse_v2_body(std::uint8_t family, byte_view body, std::size_t size) {
    constexpr std::uint8_t tcp_over_ipv4 = 0x11;
    constexpr std::uint8_t tcp_over_ipv6 = 0x21;
    const bool v4 = family == tcp_over_ipv4;
    if (!v4 && family != tcp_over_ipv6)
        return malformed();
    const std::size_t width = v4 ? 4 : 16;
    const std::size_t ports = 2 * width;
    if (body.size() < ports + 4)
        return malformed();
    const proxy_preface::addresses told{
        {read_address(body, v4), read_port(body.subspan(ports))},
        {read_address(body.subspan(width), v4), read_port(body.subspan(ports + 2))}};
    auto whole = complete(size, told);
    return read_tlvs(body.subspan(ports + 4), whole) ? whole : malformed();
}

proxy_preface parse_v2(byte_view bytes) {
    constexpr std::uint8_t version_2_local = 0x20;
    constexpr std::uint8_t version_2_proxy = 0x21;
    if (bytes.size() < v2_fixed)
        return partial(v2_fixed);
    const bool local = bytes[12] == version_2_local;
    const std::size_t length = static_cast<std::size_t>(bytes[14]) << 8 | bytes[15];
    if ((!local && bytes[12] != version_2_proxy) || length > proxy_preface::max_v2_length)
        return malformed();
    const auto size = v2_fixed + length;
    if (bytes.size() < size)
        return partial(size);
    constexpr std::uint8_t unspecified = 0x00;
    if (local || bytes[13] == unspecified)
        return complete(size, std::nullopt); // the rest is to be ignored (section 2.2)
    return parse_v2_body(bytes[13], bytes.subspan(v2_fixed, length), size);
}

template <class Signature>
bool begins(byte_view bytes, const Signature& signature) {
    return std::equal(
        bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(std::min(bytes.size(), signature.size())),
        signature.begin(), [](std::uint8_t a, auto b) { return a == static_cast<std::uint8_t>(b); });
}

} // namespace

proxy_preface proxy_preface::parse(byte_view bytes) {
    if (bytes.empty())
        return partial(1);
    if (begins(bytes, v2_signature))
        return parse_v2(bytes);
    if (!begins(bytes, v1_signature))
        return malformed();
    return parse_v1(as_text(bytes));
}

} // namespace snipass
