// SPDX-License-Identifier: BSL-1.0
// Where a redirect leads to.
#include "snipass/config/redirect.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace snipass::config {
namespace {

using namespace std::string_view_literals;

constexpr auto host_part = "{host}"sv;
constexpr auto path_part = "{path}"sv;

written<std::string> refused(std::string_view text, const std::string& why) {
    return written<std::string>::refused(in_quotes(text) + why);
}

// What may stand in a URL as it is, or behind a "%" (RFC 3986 section 2).
bool is_url_character(char c) {
    constexpr auto marks = "-._~:/?#[]@!$&'()*+,;=%"sv;
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           marks.find(c) != marks.npos;
}

// without takes the placeholders out, so that what is left is the admin's own. nullopt: there are other
// braces.
std::optional<std::string> without_placeholders(std::string_view text) {
    std::string plain;
    while (!text.empty()) {
        const bool is_host = text.starts_with(host_part);
        if (is_host || text.starts_with(path_part)) {
            text.remove_prefix(is_host ? host_part.size() : path_part.size());
            continue;
        }
        if (!is_url_character(text.front()))
            return std::nullopt;
        plain += text.front();
        text.remove_prefix(1);
    }
    return plain;
}

// authority_of is the URL's host, and its port.
std::string_view authority_of(std::string_view behind_scheme) {
    const auto end =
        std::min({behind_scheme.find_first_of("/?#"), behind_scheme.find(path_part), behind_scheme.size()});
    return behind_scheme.substr(0, end);
}

bool is_port(std::string_view digits) {
    std::uint16_t port = 0;
    const auto* const end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, port);
    return !digits.empty() && stop == end && error == std::errc{} && port != 0;
}

// is_authority: nothing but a host, and maybe a port. Behind a name and "@" a browser reads another host.
bool is_authority(std::string_view text) {
    if (text.starts_with('[')) { // an IPv6 address
        const auto end = text.find(']');
        const auto behind = end == text.npos ? "?"sv : text.substr(end + 1);
        return end > 1 && (behind.empty() || (behind.front() == ':' && is_port(behind.substr(1))));
    }
    const auto colon = text.find(':');
    const auto host = text.substr(0, colon);
    return !host.empty() && host.find_first_of("@%[]!$&'()*+,;=~") == host.npos &&
           (colon == text.npos || is_port(text.substr(colon + 1)));
}

} // namespace

std::string redirect_settings::location_for(std::string_view host, std::string_view path,
                                            const std::optional<std::string_view>& query) const {
    std::string made;
    for (std::string_view rest = url; !rest.empty();) {
        const auto next = std::min({rest.find(host_part), rest.find(path_part), rest.size()});
        made += rest.substr(0, next);
        rest.remove_prefix(next);
        if (rest.starts_with(host_part)) {
            made += host;
            rest.remove_prefix(host_part.size());
        } else if (rest.starts_with(path_part)) {
            made += path.starts_with('/') ? path : "";
            if (query)
                (made += '?') += *query;
            rest.remove_prefix(path_part.size());
        }
    }
    return made;
}

written<std::string> parse_redirect(std::string_view text) {
    const std::string usual = "https://{host}{path}";
    if (text == "https")
        return usual;
    const auto write = "; write \"https\", or a URL such as \"https://www.example.com{path}\"";
    if (text == "http")
        return refused(text, " would lead the clients back to where they are" + std::string{write});
    const bool is_https = text.starts_with("https://");
    if (!is_https && !text.starts_with("http://"))
        return refused(text, " is no URL" + std::string{write});
    const auto plain = without_placeholders(text);
    if (!plain)
        return refused(text, " has a character that no URL has, or braces around another word than "
                             "\"{host}\" or \"{path}\"" +
                                 std::string{write});
    const auto authority = authority_of(text.substr(text.find("//") + 2));
    // What stands for the client's host is none of the admin's own characters.
    std::string named{authority};
    for (auto at = named.find(host_part); at != named.npos; at = named.find(host_part))
        named.replace(at, host_part.size(), "h");
    if (!is_authority(named))
        return refused(text, " has no host, or more than a host and a port, in front of its path" +
                                 std::string{write});
    if (!is_https && authority == host_part)
        return refused(text,
                       " may lead the clients back to where they are; write \"https\", or another host");
    return std::string{text};
}

} // namespace snipass::config
