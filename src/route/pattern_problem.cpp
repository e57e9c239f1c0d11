// SPDX-License-Identifier: BSL-1.0
// Names as other programs have them, and names that were pasted whole: what was meant is worth more than a
// grammar.
#include "pattern_problem.hpp"

#include "snipass/base/ascii_form.hpp"
#include "snipass/base/ends_in_number.hpp"
#include "snipass/base/host_name.hpp"
#include "snipass/base/ip_address.hpp"
#include "snipass/base/quoted.hpp"
#include "snipass/route/regex_set.hpp"

#include <algorithm>
#include <optional>

namespace snipass::route {
namespace {

constexpr std::string_view in_front = "*.";

// name_or_wildcard is the text as it is best written; nullopt: it is neither.
std::optional<std::string> name_or_wildcard(std::string_view text) {
    const bool wildcard = text.starts_with(in_front);
    const auto name = host_name::parse(wildcard ? text.substr(in_front.size()) : text);
    if (!name)
        return std::nullopt;
    return std::string(wildcard ? in_front : "") + std::string(name->text());
}

// host_part is the name inside something that was pasted whole: "https://example.com/path",
// "example.com:443".
std::optional<std::string> host_part(std::string_view text) {
    if (const auto scheme = text.find("://"); scheme != text.npos)
        text.remove_prefix(scheme + 3);
    return name_or_wildcard(text.substr(0, text.find_first_of(":/?#")));
}

// --- regexes ---

// as_regex is how a regex is written in the file: between single quotes a backslash is one.
std::string as_regex(std::string_view regex) {
    const auto whole = "/" + std::string(regex) + "/";
    return regex.find('\'') == regex.npos ? "'" + on_one_line(whole) + "'" : in_quotes(whole);
}

// without_escapes is the text that a regex of plain characters stands for; empty: it is none of that kind. A
// dot is taken for a dot: who forgets the backslash means one.
std::string without_escapes(std::string_view regex) {
    std::string text;
    for (; !regex.empty(); regex.remove_prefix(1)) {
        if (regex.starts_with("\\.") || regex.starts_with("\\-"))
            regex.remove_prefix(1);
        else if (std::string_view{"\\^$()[]{}|+*?"}.find(regex.front()) != std::string_view::npos)
            return {};
        text += regex.front();
    }
    return text;
}

// without_regex is the name, or the wildcard, that says what a regex says: "^.*\.example\.com$".
std::optional<std::string> without_regex(std::string_view regex) {
    regex.remove_prefix(regex.starts_with('^') ? 1 : 0);
    regex.remove_suffix(regex.ends_with('$') ? 1 : 0);
    std::string_view before;
    for (const std::string_view any : {".*\\.", ".+\\.", ".*."})
        if (before.empty() && regex.starts_with(any)) {
            regex.remove_prefix(any.size());
            before = in_front;
        }
    return name_or_wildcard(std::string(before) + without_escapes(regex));
}

// regex_problem_of: what looks like a regex, as nginx (behind "~") and HAProxy have it. Empty: it does not.
std::string regex_problem_of(std::string_view written) {
    auto regex = written;
    if (regex.starts_with('~')) // nginx's, and "~*" is without regard to case
        regex.remove_prefix(std::min(regex.find_first_not_of("~* "), regex.size()));
    const bool is_one = regex.size() < written.size() || regex.find_first_of("^$\\()[]{}|+") != regex.npos ||
                        regex.starts_with(".*");
    if (regex.empty() || !is_one || !is_ascii(regex))
        return {};
    constexpr auto rule = "a regex stands between two slashes; write ";
    if (const auto simple = without_regex(regex))
        return rule + in_quotes(*simple) + ", or " + as_regex(regex);
    if (const auto problem = regex_problem(std::string(regex)))
        return "a regex stands between two slashes, and this is not a valid one (" + *problem +
               "); write it in RE2's syntax, such as '/(www|shop)[0-9]*\\.example\\.com/'";
    return rule + as_regex(regex);
}

// star_problem: a star that is no label in front. As a regex, it stands for anything.
std::string star_problem(std::string_view written) {
    if (const auto inside = host_part(written))
        return "write the host name alone: " + in_quotes(*inside);
    std::string regex;
    for (const char c : written)
        regex += c == '*' ? ".*" : c == '.' ? "\\." : std::string(1, c);
    return "\"*\" stands only for whole labels in front, as in \"*.example.com\"; write a regex between "
           "slashes for anything else, such as " +
           as_regex(is_ascii(regex) && !regex_problem(regex) ? regex : "www.*\\.example\\.com");
}

// --- names ---

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
    if (text.starts_with('['))
        text = text.substr(1, text.find(']') - 1);
    return ip_address::parse(text.substr(0, text.find('%'))).has_value();
}

// each_in_quotes: of several names in one string each, in quotes. Empty: it is something else, such as a name
// with a space in it.
std::string each_in_quotes(std::string_view written) {
    std::string list;
    if (written.find_first_of(",; \t") == written.npos)
        return list;
    while (!written.empty()) {
        const auto end = std::min(written.find_first_of(",; \t"), written.size());
        const auto one = host_part(written.substr(0, end));
        if (end != 0 && (!one || one->find('.') == one->npos))
            return {};
        if (one)
            list += (list.empty() ? "" : ", ") + in_quotes(*one);
        written.remove_prefix(std::min(end + 1, written.size()));
    }
    return list;
}

std::string name_problem(std::string_view written) {
    if (ends_in_number(written))
        return "its last label is a number, so clients take it for an IPv4 address, and send no name; "
               "write a host name such as \"www.example.com\"";
    if (const auto inside = host_part(written))
        return "write the host name alone: " + in_quotes(*inside);
    if (written.starts_with('.'))
        if (const auto name = host_name::parse(written.substr(1)))
            return "a dot in front; write " + in_quotes("*" + std::string(written)) + ", and " +
                   in_quotes(name->text()) + " beside it if that name is meant, too";
    return "not a host name; write 1 to 253 characters in labels of 1 to 63 letters, digits, \"-\" or \"_\", "
           "joined by dots, such as \"www.example.com\"";
}

} // namespace

std::string pattern_problem(std::string_view written) {
    if (written.empty())
        return "an empty name; a client that sends none goes to [default]";
    const bool wildcard = written.starts_with(in_front);
    const auto rest = wildcard ? written.substr(in_front.size()) : written;
    if (is_address(rest))
        return "an IP address is not a host name: TLS clients send no name for one, so they go to [default]; "
               "leave it out";
    if (auto problem = regex_problem_of(written); !problem.empty())
        return problem;
    if (const auto list = each_in_quotes(written); !list.empty())
        return "one string has one name; write " + list;
    if (rest.find('*') != rest.npos)
        return star_problem(written);
    if (!is_ascii(written))
        return outside_of_ascii(rest, wildcard ? in_front : "");
    return name_problem(written);
}

} // namespace snipass::route
