// SPDX-License-Identifier: BSL-1.0
// A host and a port (RFC 3986 section 3.2).
#include "authority.hpp"

#include "snipass/base/ip_address.hpp"
#include "snipass/http/characters.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <system_error>

namespace snipass::http {
namespace {

// address_size is how long the IPv6 address in brackets is with which the text begins; 0: there is none.
std::size_t address_size(std::string_view text) {
    const auto end = text.find(']');
    if (end == std::string_view::npos)
        return 0;
    constexpr std::size_t longest = 45; // with an IPv4 address at its end
    const auto address = text.substr(1, std::min(end - 1, longest + 1));
    const bool is_address = address.find(':') != std::string_view::npos && ip_address::parse(address);
    return is_address ? end + 1 : 0;
}

// is_port: none is one, too (RFC 3986, section 3.2.3).
bool is_port(std::string_view text) {
    std::uint16_t value = 0;
    return all_are(text, digit) && std::from_chars(text.data(), text.data() + text.size(), value).ec !=
                                       std::errc::result_out_of_range;
}

} // namespace

std::optional<std::string_view> host_of(std::string_view authority) {
    const bool is_literal = authority.starts_with('[');
    const auto size = is_literal ? address_size(authority) : std::min(authority.find(':'), authority.size());
    const auto host = authority.substr(0, size);
    auto port = authority.substr(size);
    if (host.empty() || (!is_literal && !all_are(host, in_name)))
        return std::nullopt;
    if (!port.empty() && (port.front() != ':' || !is_port(port.substr(1))))
        return std::nullopt;
    return host;
}

} // namespace snipass::http
