// SPDX-License-Identifier: BSL-1.0
// What may stand in `names`.
#include "snipass/route/pattern.hpp"

#include "pattern_problem.hpp"

#include "snipass/base/ascii_form.hpp"
#include "snipass/base/host_name.hpp"
#include "snipass/base/quoted.hpp"
#include "snipass/route/regex_set.hpp"

#include <algorithm>
#include <iterator>

namespace snipass::route {
namespace {

pattern::parsed refuse(std::string problem) {
    return {std::nullopt, std::move(problem)};
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
                      "'/(www|shop)[0-9]*\\.example\\.com/'");
    return {pattern{pattern_kind::regex, std::move(regex)}, {}};
}

} // namespace

pattern::parsed pattern::parse(std::string_view written) {
    if (written.starts_with('/'))
        return parse_regex(written);
    if (written == "*" || written == "*.")
        return refuse("\"*\" alone is no wildcard; write \"/.*/\" for any host name, or use [default]");

    const bool wildcard = written.starts_with("*.");
    const auto rest = wildcard ? written.substr(2) : written;
    const auto name = host_name::parse(rest);
    if (!name)
        return refuse(pattern_problem(written));
    if (!wildcard && name->text() == "_")
        return refuse("\"_\" is no name that a client sends; write [default] for all that no route takes");
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
