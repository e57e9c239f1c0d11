// SPDX-License-Identifier: BSL-1.0
// Mistakes in arrays and in tables on one line.
#include "syntax_in_brackets.hpp"

#include "snipass/base/quoted.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace snipass::config {
namespace {

diagnostic at(position where, std::string message) {
    return {severity::error, where, std::move(message)};
}

// element is the text around the position, up to what ends an element.
struct element {
    std::size_t begin;
    std::string_view text;
};

element element_at(const syntax_place& here) {
    constexpr std::string_view ends = " \t\r,[]{}=#";
    const auto line = here.line();
    const auto before = here.before().find_last_of(ends);
    const auto begin = before == std::string_view::npos ? 0 : before + 1;
    return {begin, line.substr(begin, line.find_first_of(ends, begin) - begin)};
}

} // namespace

std::string_view without_quotes(std::string_view value) {
    constexpr std::array<std::string_view, 10> likely{"“", "”", "„", "‘", "’", "«", "»", "`", "\"", "'"};
    for (const auto quote : likely) {
        if (value.starts_with(quote))
            value.remove_prefix(quote.size());
        if (value.ends_with(quote))
            value.remove_suffix(quote.size());
    }
    return trimmed(value);
}

bool is_reading_a_value(const syntax_place& here) {
    constexpr std::array<std::string_view, 11> kinds{"value",
                                                     "boolean",
                                                     "floating-point",
                                                     "hexadecimal floating-point",
                                                     "decimal integer",
                                                     "hexadecimal integer",
                                                     "octal integer",
                                                     "binary integer",
                                                     "date",
                                                     "time",
                                                     "date-time"};
    return std::ranges::any_of(kinds, [&](auto kind) { return here.reads_a(kind); }) && !here.says("depth");
}

// unclosed_bracket: the file ends, or goes on with a key or a table, which an array cannot have in it.
explained unclosed_bracket(const syntax_place& here) {
    if (here.open().empty() || here.says("depth"))
        return std::nullopt;
    const auto& first = here.open().front();
    const bool goes_on =
        here.where().line > first.where.line && (begins_a_table(here.line()) || begins_a_key(here.line()));
    if (!goes_on && !here.is_at_end())
        return std::nullopt;
    if (first.kind == '{')
        return at(first.where, "this table does not end; write } behind its last value, on the same line");
    return at(first.where, "this array does not end; write ] behind its last element");
}

// missing_quote: what follows a string is the rest of one that an odd quote has cut in two.
explained missing_quote(const syntax_place& here) {
    const bool is_behind_one = here.says("comma or closing") || here.says("comment or whitespace");
    const auto before = trimmed(here.before());
    if (!is_behind_one || !opening_quote(here.line()) || !(before.ends_with('"') || before.ends_with('\'')))
        return std::nullopt;
    return at(here.where(), "one of the quotes in this line has no other; write each text between two, as in "
                            "\"www.example.com\"");
}

explained bare_element(const syntax_place& here) {
    if (here.open().empty() || !is_reading_a_value(here) || here.says("control character"))
        return std::nullopt;
    const auto [begin, text] = element_at(here);
    const auto value = without_quotes(text);
    if (value.empty() || value.find_first_of("\"'") != value.npos)
        return std::nullopt;
    return at(here.at(begin), "a text stands between two straight quotes; write " + in_quotes(value));
}

explained broken_array(const syntax_place& here) {
    if (!here.is_in('['))
        return std::nullopt;
    if (here.says("saw comma"))
        return at(here.where(), "no element in front of this comma; leave the comma out");
    if (here.reads_a("array"))
        return at(here.where(), "a comma or a ] is missing before this; write a comma between two elements, "
                                "and ] behind the last");
    return at(here.where(),
              "this is no element of an array; write texts between double quotes, a comma between two, and ] "
              "behind the last");
}

explained broken_inline_table(const syntax_place& here) {
    if (!here.is_in('{'))
        return std::nullopt;
    if (here.says("dangling comma") || here.says("saw comma"))
        return at(here.where(), "a comma without a key on both its sides; leave the comma out");
    if (here.says("comma or closing"))
        return at(here.where(), "a comma or a } is missing before this; write { KEY = VALUE, KEY = VALUE }");
    if (trimmed(here.rest()).empty())
        return at(here.where(),
                  "a line ends between { and }; write all of it on one line, or below a [TABLE] "
                  "each key on a line of its own");
    return at(here.where(), "this is no key; write { KEY = VALUE, KEY = VALUE }, all on one line");
}

} // namespace snipass::config
