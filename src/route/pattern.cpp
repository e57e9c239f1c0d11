// SPDX-License-Identifier: BSL-1.0
// What may stand in `names`, and what to say about the rest.
#include "snipass/route/pattern.hpp"

#include "snipass/base/ascii_form.hpp"
#include "snipass/base/ends_in_number.hpp"
#include "snipass/base/host_name.hpp"
#include "snipass/base/ip_address.hpp"
#include "snipass/base/quoted.hpp"
#include "snipass/route/regex_set.hpp"

#include <algorithm>
#include <iterator>

namespace snipass::route {
namespace {

pattern::parsed refuse(std::string problem) {
    return {std::nullopt, std::move(problem)};
}

// host_part is the host name inside something that was pasted whole: "https://example.com/path",
// "example.com:443".
std::optional<host_name> host_part(std::string_view text) {
    if (const auto scheme = text.find("://"); scheme != text.npos)
        text.remove_prefix(scheme + 3);
    return host_name::parse(text.substr(0, text.find_first_of(":/")));
}

pattern::parsed parse_regex(std::string_view written) {
    if (written.size() < 2 || !written.ends_with('/'))
        return refuse("a regex stands between two slashes; write " + in_quotes(std::string(written) + "/"));
    auto regex = std::string(written.substr(1, written.size() - 2));
    if (regex.empty())
        return refuse("an empty regex matches no host name; write \"/.*/\" for any");
    if (!is_ascii(regex))
        return refuse(
            "host names on the wire are ASCII; write the name's ASCII form (\"xn--...\") in the regex");
    if (const auto problem = regex_problem(regex))
        return refuse("not a valid regex: " + *problem +
                      "; write it in RE2's syntax, which has no look-around and no backreferences, as in "
                      "\"/(www|shop)[0-9]*\\.example\\.com/\"");
    return {pattern{pattern_kind::regex, std::move(regex)}, {}};
}

// outside_of_ascii: `before` is what stands in front of the name, "*." or nothing.
std::string outside_of_ascii(std::string_view name, std::string_view before) {
    const auto ascii = ascii_form(name);
    const auto proposal = ascii && host_name::parse(*ascii) ? in_quotes(std::string(before) + *ascii)
                                                            : "the name's ASCII form (\"xn--...\")";
    return "host names on the wire are ASCII; write " + proposal;
}

// is_address: with a port, with brackets or with an interface, too.
bool is_address(std::string_view text) {
    if (ip_endpoint::parse(text))
        return true;
    if (text.starts_with('[') && text.ends_with(']'))
        text = text.substr(1, text.size() - 2);
    return ip_address::parse(text.substr(0, text.find('%'))).has_value();
}

std::string host_name_problem(std::string_view written, std::string_view before) {
    constexpr auto rule =
        "not a host name; write 1 to 253 characters in labels of 1 to 63 letters, digits, \"-\" or "
        "\"_\", joined by dots, such as \"www.example.com\"";
    if (written.empty())
        return "an empty name; a client that sends none goes to [default]";
    if (is_address(written))
        return "an IP address is not a host name: TLS clients send no name for one, so they go to [default]";
    if (!is_ascii(written))
        return outside_of_ascii(written, before);
    if (ends_in_number(written))
        return "its last label is a number, so clients take it for an IPv4 address, and send no name; "
               "write a host name such as \"www.example.com\"";
    if (const auto inside = host_part(written))
        return "write the host name alone: " + in_quotes(inside->text());
    return rule;
}

} // namespace

pattern::parsed pattern::parse(std::string_view written) {
    if (written.starts_with('/'))
        return parse_regex(written);
    if (written == "*" || written == "*.")
        return refuse("\"*\" alone is no wildcard; write \"/.*/\" for any host name, or use [default]");

    const bool wildcard = written.starts_with("*.");
    const auto rest = wildcard ? written.substr(2) : written;
    if (rest.find('*') != rest.npos)
        return refuse(
            "\"*\" stands only for whole labels in front, as in \"*.example.com\"; write a regex between "
            "slashes for anything else");
    const auto name = host_name::parse(rest);
    if (!name)
        return refuse(host_name_problem(rest, wildcard ? "*." : ""));
    return {pattern{wildcard ? pattern_kind::wildcard : pattern_kind::exact, std::string(name->text())}, {}};
}

bool pattern::takes_every_name() const noexcept {
    constexpr std::string_view usual[] = {".*", ".+", "^.*$", "^.+$", "(.*)", "(.+)"};
    return kind == pattern_kind::regex && std::ranges::find(usual, text) != std::end(usual);
}

std::string pattern::to_string() const {
    switch (kind) {
    case pattern_kind::exact:
        return text;
    case pattern_kind::wildcard:
        return "*." + text;
    case pattern_kind::regex:
        return "/" + text + "/";
    case pattern_kind::any:
        break;
    }
    return text;
}

} // namespace snipass::route
