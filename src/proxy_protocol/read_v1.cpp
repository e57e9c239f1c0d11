// SPDX-License-Identifier: BSL-1.0
// PROXY protocol version 1: a line of text (section 2.1).
#include "snipass/base/quoted.hpp"
#include "versions.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string_view>

namespace snipass::proxy_protocol {
namespace {

reading broken(std::string_view rule, std::string_view read) {
    return refused{"PROXY v1: " + std::string{rule} + in_ascii_quotes(read)};
}

// word takes what stands before the next space, or all that is left.
std::string_view word(std::string_view& line) {
    const auto end = std::min(line.find(' '), line.size());
    const auto first = line.substr(0, end);
    line.remove_prefix(std::min(end + 1, line.size()));
    return first;
}

// "::ffff:192.0.2.1" is an IPv6 text of an IPv4 address: a colon tells the formats apart.
bool is_v4_text(std::string_view text) {
    return text.find(':') == std::string_view::npos;
}

std::optional<std::uint16_t> to_port(std::string_view text) {
    std::uint16_t value = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool leading_zero = text.size() > 1 && text.front() == '0';
    if (problem != std::errc{} || end != text.data() + text.size() || leading_zero)
        return std::nullopt;
    return value;
}

// The destination may be of either family: nginx writes TCP6 for an IPv6 client that reached it over IPv4.
reading read_line(std::string_view line, std::size_t size) {
    constexpr std::ptrdiff_t spaces = 4;
    auto rest = line;
    const auto family = word(rest);
    if (family == "UNKNOWN")
        return header{.size = size}; // whatever follows is to be ignored
    const bool v4 = family == "TCP4";
    if (!v4 && family != "TCP6")
        return broken("its protocol is none of TCP4, TCP6 and UNKNOWN: ", family);
    if (std::ranges::count(line, ' ') != spaces)
        return broken("not two addresses and two ports with one space before each: ", line);
    const auto source = word(rest);
    const auto destination = word(rest);
    const auto source_port = word(rest);
    const auto destination_port = rest;

    const auto from = ip_address::parse(source);
    if (!from || is_v4_text(source) != v4)
        return broken(v4 ? "its source is no IPv4 address: " : "its source is no IPv6 address: ", source);
    const auto to = ip_address::parse(destination);
    if (!to)
        return broken("its destination is no address: ", destination);
    const auto from_port = to_port(source_port);
    if (!from_port)
        return broken("its source port is no number from 0 to 65535: ", source_port);
    const auto on_port = to_port(destination_port);
    if (!on_port)
        return broken("its destination port is no number from 0 to 65535: ", destination_port);
    return header{.size = size, .about = addresses{{*from, *from_port}, {*to, *on_port}}};
}

} // namespace

reading read_v1(byte_view bytes) {
    const auto text = as_text(bytes);
    const auto end = text.substr(0, v1_max_size).find('\n');
    if (end == std::string_view::npos) {
        if (text.size() < v1_max_size)
            return partial{text.size() + 1};
        return broken("no CRLF in its first 107 bytes: ", text.substr(0, v1_max_size));
    }
    const auto line = text.substr(0, end);
    if (!line.ends_with('\r'))
        return broken("it ends with LF and not with CRLF: ", line);
    return read_line(line.substr(v1_signature.size(), line.size() - v1_signature.size() - 1), end + 1);
}

} // namespace snipass::proxy_protocol
