// SPDX-License-Identifier: BSL-1.0
// From the TOML reader's words to what an admin has to change. A TOML reader stops where it can go no
// further, which may be far from the mistake: behind an unclosed quote, at the second of two tables. So the
// text itself is looked at as well.
#include "syntax_error.hpp"

#include "snipass/base/quoted.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string>

namespace snipass::config {
namespace {

constexpr std::string_view blanks = " \t\r";

std::string_view trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(blanks);
    return first == text.npos ? std::string_view{}
                              : text.substr(first, text.find_last_not_of(blanks) + 1 - first);
}

// lines are the text's, cut into pieces once.
std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        lines.push_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
}

// mistake is the file and the position at which its reader stopped.
struct mistake {
    std::vector<std::string_view> lines;
    std::string_view said;
    position where;

    [[nodiscard]] std::string_view line(std::size_t number) const {
        return number >= 1 && number <= lines.size() ? lines[number - 1] : std::string_view{};
    }
    [[nodiscard]] std::string_view line() const { return line(where.line); }
    // From the position to the end of its line. Columns count characters, and a reader may be past the end.
    [[nodiscard]] std::string_view rest() const {
        auto rest = line();
        for (auto column = where.column; column > 1 && !rest.empty(); --column)
            for (rest.remove_prefix(1); !rest.empty() && (rest.front() & 0xc0) == 0x80;
                 rest.remove_prefix(1)) {
            }
        return rest;
    }
    [[nodiscard]] bool says(std::string_view words) const { return said.find(words) != said.npos; }
};

using explained = std::optional<diagnostic>;

diagnostic at(position where, std::string message) {
    return {severity::error, where, std::move(message)};
}

// opening_quote is where a string opens that the line does not close; 0: nowhere.
std::size_t opening_quote(std::string_view line) {
    char open = 0;
    std::size_t column = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
        const char c = line[i];
        if (open == '"' && c == '\\')
            ++i;
        else if (open == 0 && c == '#')
            break;
        else if (open == 0 && (c == '"' || c == '\''))
            open = c, column = i + 1;
        else if (c == open)
            open = 0;
    }
    return open == 0 ? 0 : column;
}

// A string that its line does not close: the reader complains of the end of the line, or of the file.
explained unclosed_string(const mistake& here) {
    if (!here.says("string") || (!here.says("control character") && !here.says("end-of-file")))
        return std::nullopt;
    const auto line = here.line();
    const auto column = opening_quote(line);
    const bool has_three = line.find("\"\"\"") != line.npos || line.find("'''") != line.npos;
    if (column != 0 && !has_three)
        return at({here.where.line, static_cast<std::uint32_t>(column)},
                  "this string has no closing quote; write " + std::string(1, line[column - 1]) +
                      " behind it, on the same line");
    if (here.says("end-of-file"))
        return at(here.where,
                  "the file ends inside a string that began with three quotes; write three behind it");
    return at(here.where, "a control character in a string; leave it out, or write it as \\uXXXX");
}

// The name in a header and how many brackets it has: "[[ route ]]" is "route" and 2.
struct header {
    std::string_view name;
    std::size_t brackets = 0;
};

header header_of(std::string_view line) {
    auto text = trimmed(line);
    header found;
    while (text.starts_with('[') && found.brackets < 2) {
        text.remove_prefix(1);
        ++found.brackets;
    }
    found.name = trimmed(text.substr(0, text.find_first_of("]#\r\n")));
    return found;
}

std::string written(const header& one) {
    return std::string(one.brackets, '[') + std::string(one.name) + std::string(one.brackets, ']');
}

bool may_be_several(std::string_view table) {
    return table == "listener" || table == "route";
}

// first_line is where the table, or the key in the same table, stands before.
std::optional<std::size_t> first_header(const mistake& here, std::string_view name) {
    for (std::size_t number = 1; number < here.where.line; ++number)
        if (const auto one = header_of(here.line(number)); one.brackets > 0 && one.name == name)
            return number;
    return std::nullopt;
}

std::optional<std::size_t> first_key(const mistake& here, std::string_view key) {
    for (std::size_t number = here.where.line - 1; number > 0; --number) {
        const auto line = trimmed(here.line(number));
        if (line.starts_with('['))
            break;
        if (trimmed(line.substr(0, line.find('='))) == key)
            return number;
    }
    return std::nullopt;
}

std::string at_line(std::optional<std::size_t> line) {
    return line ? " at line " + std::to_string(*line) : std::string{" above"};
}

explained table_twice(const mistake& here) {
    if (!here.says("cannot redefine") || !here.says("table header"))
        return std::nullopt;
    const auto second = header_of(here.line());
    const auto line = first_header(here, second.name);
    const auto first = line ? header_of(here.line(*line)) : second;
    const std::string name{second.name};
    if (first.brackets != second.brackets && may_be_several(name))
        return at(here.where, written(second) + " beside the " + written(first) + at_line(line) +
                                  "; write [[" + name + "]] in both places, with double brackets");
    if (first.brackets != second.brackets)
        return at(here.where, written(second) + " beside the " + written(first) + at_line(line) +
                                  "; write [" + name + "] once, with single brackets");
    return at(here.where, written(second) + " is there twice; write these keys below the one" +
                              at_line(line) +
                              (name.starts_with("backend.") ? ", or give this one another name" : ""));
}

explained key_twice(const mistake& here) {
    if (!here.says("cannot redefine"))
        return std::nullopt;
    const auto key = trimmed(here.line().substr(0, here.line().find('=')));
    return at(here.where, in_quotes(key) + " is there twice; leave out this one, or the one" +
                              at_line(first_key(here, key)));
}

explained broken_header(const mistake& here) {
    const auto found = header_of(here.line());
    if (!here.says("table header") || found.brackets == 0 || found.name.empty())
        return std::nullopt;
    return at(here.where, "the brackets of a table's name do not match; write " + written(found));
}

// without_quotes takes off what looks like quotes and is none, and what stands behind the value.
std::string_view without_quotes(std::string_view value) {
    constexpr std::array<std::string_view, 8> likely{"“", "”", "„", "‘", "’", "«", "»", "`"};
    value = trimmed(value.substr(0, value.find_first_of("#,]")));
    for (const auto quote : likely) {
        if (value.starts_with(quote))
            value.remove_prefix(quote.size());
        if (value.ends_with(quote))
            value.remove_suffix(quote.size());
    }
    return trimmed(value);
}

// A value that is meant as a text and has no quotes: a name, an address, a duration.
explained bare_value(const mistake& here) {
    constexpr std::array<std::string_view, 8> kinds{"value type", "integer", "floating-point", "date",
                                                    "time",       "boolean", "parsing value",  "literal"};
    const bool is_value = std::ranges::any_of(kinds, [&](auto kind) { return here.says(kind); }) ||
                          here.says("comment or whitespace");
    const auto line = here.line();
    const auto equals = line.find('=');
    if (!is_value || here.says("depth") || equals == line.npos)
        return std::nullopt;
    const auto value = without_quotes(line.substr(equals + 1));
    if (value.empty() || value.find_first_of("\"'[{=") != value.npos || here.says("leading zero"))
        return std::nullopt;
    const auto column = static_cast<std::uint32_t>(line.find_first_not_of(blanks, equals + 1) + 1);
    return at({here.where.line, column}, "a text stands between two straight quotes; write " +
                                             in_quotes(value) +
                                             (here.says("boolean") ? ", or true, or false" : ""));
}

// What needs no look at the text: a part of what the reader says, and what we say.
struct phrase {
    std::string_view said;
    std::string_view ours;
};
constexpr phrase phrases[] = {
    {"expected comma or closing ']'",
     "a comma or a ] is missing before this; write a comma between two elements, "
     "and ] behind the last"},
    {"parsing array", "an array that does not end; write ] behind its last element"},
    {"unknown escape sequence",
     "a backslash between double quotes begins an escape; write it twice, or write the "
     "string between single quotes"},
    {"expected '='", "no = behind the key; write KEY = VALUE"},
    {"expected value", "no value behind the =; write one"},
    {"expected a comment or whitespace",
     "something stands behind the value; write each key on a line of its own, "
     "and a comment behind #"},
    {"utf-8", "this is not UTF-8; save the file as UTF-8"},
    {"expected keys, tables", "neither a key nor a [table]; write a comment behind #"},
    {"leading zero", "a number with a 0 in front; leave the 0 out"},
};

explained by_phrase(const mistake& here) {
    for (const auto& one : phrases)
        if (here.says(one.said))
            return at(here.where, std::string(one.ours));
    return std::nullopt;
}

} // namespace

diagnostic explain_syntax_error(std::string_view text, std::string_view said, position where) {
    const mistake here{lines_of(text), said, where};
    for (auto* const explain :
         {unclosed_string, table_twice, key_twice, broken_header, bare_value, by_phrase})
        if (auto found = explain(here)) {
            found->message += "; nothing else in the file was checked";
            return *found;
        }
    return at(where, "TOML syntax: " + on_one_line(said) + "; nothing else in the file was checked");
}

} // namespace snipass::config
