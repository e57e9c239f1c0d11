// SPDX-License-Identifier: BSL-1.0
// From the TOML reader's words to what an admin has to change. A TOML reader stops where it can go no
// further, which may be far from the mistake: behind an unclosed quote, at the second of two tables. So the
// text itself is looked at as well. The reader's words choose the sentence and are never shown.
#include "syntax_error.hpp"

#include "syntax_in_brackets.hpp"
#include "syntax_place.hpp"

#include "snipass/base/ip_address.hpp"
#include "snipass/base/quoted.hpp"

#include <algorithm>
#include <iterator>
#include <string>

namespace snipass::config {
namespace {

diagnostic at(position where, std::string message) {
    return {severity::error, where, std::move(message)};
}

// A string that its line does not close: the reader complains of the end of the line, or of the file.
explained unclosed_string(const syntax_place& here) {
    if (!here.says("string") || (!here.says("control character") && !here.is_at_end()))
        return std::nullopt;
    const auto line = here.line();
    const auto quote = opening_quote(line);
    const bool has_three = line.find("\"\"\"") != line.npos || line.find("'''") != line.npos;
    if (quote && !has_three)
        return at(here.at(*quote), "this string has no closing quote; write " + std::string(1, line[*quote]) +
                                       " behind it, on the same line");
    if (here.is_at_end())
        return at(here.where(),
                  "the file ends inside a string that began with three quotes; write three behind it");
    return at(here.where(), "a control character in a string; leave it out, or write it as \\uXXXX");
}

// --- tables and keys ---

std::string written(std::string_view name, std::size_t brackets) {
    return std::string(brackets, '[') + std::string(name) + std::string(brackets, ']');
}

bool may_be_several(std::string_view table) {
    return table == "listener" || table == "route";
}

// first_header, first_key are where the table, or the key in the same table, stands before.
std::optional<std::size_t> first_header(const syntax_place& here, std::string_view name) {
    for (std::size_t number = 1; number < here.where().line; ++number)
        if (const auto one = header_of(here.line(number)); one.brackets > 0 && one.name == name)
            return number;
    return std::nullopt;
}

std::optional<std::size_t> first_key(const syntax_place& here, std::string_view key) {
    for (std::size_t number = here.where().line - 1; number > 0; --number) {
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

explained table_twice(const syntax_place& here) {
    if (!here.says("cannot redefine") || !here.reads_a("table header"))
        return std::nullopt;
    const auto second = header_of(here.line());
    const auto line = first_header(here, second.name);
    const auto first = line ? header_of(here.line(*line)) : second;
    const std::string name{second.name};
    const auto shown = written(name, second.brackets);
    const auto beside = shown + " beside the " + written(name, first.brackets) + at_line(line);
    if (first.brackets != second.brackets && may_be_several(name))
        return at(here.where(), beside + "; write [[" + name + "]] in both places, with double brackets");
    if (first.brackets != second.brackets)
        return at(here.where(), beside + "; write [" + name + "] once, with single brackets");
    return at(here.where(), shown + " is there twice; write these keys below the one" + at_line(line) +
                                (name.starts_with("backend.") ? ", or give this one another name" : ""));
}

explained key_twice(const syntax_place& here) {
    if (!here.says("cannot redefine") && !here.says("cannot insert"))
        return std::nullopt;
    if (here.reads_a("table header"))
        return at(here.where(),
                  written(header_of(here.line()).name, 1) +
                      " is a table below what is no table above; give one of the two another name");
    const auto key = trimmed(here.line().substr(0, here.line().find('=')));
    return at(here.where(), in_quotes(key) + " is there twice; leave out this one, or the one" +
                                at_line(first_key(here, key)));
}

explained broken_header(const syntax_place& here) {
    const auto line = trimmed(here.line());
    if (!here.open().empty() || !line.starts_with('['))
        return std::nullopt;
    const auto [name, brackets] = header_of(line);
    if (!begins_a_table("[" + std::string(name))) {
        auto with_dots = std::string(name);
        std::ranges::replace(with_dots, ' ', '.');
        if (name.starts_with("backend") && begins_a_table("[" + with_dots) && !with_dots.ends_with('.'))
            return at(here.where(), "a table's name has dots between its parts; write [" + with_dots + "]");
        return at(here.where(), "this is no name of a table; write letters, digits, \"-\" and \"_\" between "
                                "the brackets, as in [server] or [backend.NAME]");
    }
    if (name.starts_with('.') || name.ends_with('.') || name.find("..") != name.npos)
        return at(here.where(), "a part of the table's name is missing beside a dot; write both, as in "
                                "[backend.NAME], or leave the dot out");
    const auto shown = written(name, may_be_several(name) ? 2 : brackets);
    const auto whole = written(name, brackets);
    if (line.starts_with(whole) && !line.substr(whole.size()).starts_with(']'))
        return at(here.where(), "something stands behind the table's name; write " + shown +
                                    " on a line of its own, and each key below it");
    return at(here.where(), "the brackets of a table's name do not match; write " + shown);
}

explained broken_key(const syntax_place& here) {
    if (!here.reads_a("key") && !(here.reads_a("key-value pair") && here.says("expected '='")))
        return std::nullopt;
    const auto line = trimmed(here.line());
    if (trimmed(here.before()).ends_with('.'))
        return at(here.where(),
                  "a key ends in a dot; leave the dot out, or write the rest of the key behind it");
    if (here.reads_a("key"))
        return at(here.where(), "this is no key; write letters, digits, \"-\" and \"_\", then = and a value");
    if (line.ends_with(']') && begins_a_table("[" + std::string(line)))
        return at(here.where(), "a bracket is missing in front of a table's name; write " +
                                    written(line.substr(0, line.find(']')), line.ends_with("]]") ? 2 : 1));
    return at(here.where(), "no = behind the key; write KEY = VALUE");
}

// --- values ---

// A value that is meant as a text and has no quotes: a name, an address, a duration.
explained bare_value(const syntax_place& here) {
    const bool has_more = here.says("comment or whitespace");
    const auto line = here.line();
    const auto equals = line.find('=');
    if ((!is_reading_a_value(here) && !has_more) || !here.open().empty() || equals == line.npos ||
        here.says("control character"))
        return std::nullopt;
    const auto written = trimmed(line.substr(equals + 1, line.find_first_of("#,]", equals) - equals - 1));
    const auto value = without_quotes(written);
    if (value.empty() || written.front() == '"' || written.front() == '\'' ||
        value.find_first_of("\"'[{=") != value.npos || here.says("leading zero"))
        return std::nullopt;
    const auto where = here.at(line.find_first_not_of(" \t", equals + 1));
    if (value.ends_with('.') && value.find_first_not_of("0123456789.") == value.npos)
        return at(where, "a number that ends in a dot; write " +
                             std::string(value.substr(0, value.find_last_not_of('.') + 1)));
    for (const std::string_view word : {"true", "false"})
        if (std::ranges::equal(value, word, {}, [](char c) { return c >= 'A' && c <= 'Z' ? c + ' ' : +c; }))
            return at(where, "true and false are written small; write " + std::string(word));
    return at(where, "a text stands between two straight quotes; write " + in_quotes(value) +
                         (here.says("boolean") ? ", or true, or false" : ""));
}

// bare_endpoint: the brackets of an IPv6 address look like an array's.
explained bare_endpoint(const syntax_place& here) {
    const auto line = here.line();
    const auto equals = line.find('=');
    const auto begin = equals == line.npos ? equals : line.find_first_not_of(" \t", equals + 1);
    if (begin == line.npos || line[begin] != '[')
        return std::nullopt;
    const auto value = line.substr(begin, line.find_first_of(" \t\r#,", begin) - begin);
    if (!ip_endpoint::parse(value))
        return std::nullopt;
    return at(here.at(begin), "a text stands between two straight quotes; write " + in_quotes(value));
}

// other_format: a file of nginx or HAProxy, YAML or JSON.
explained other_format(const syntax_place& here) {
    constexpr std::string_view sections[] = {"frontend", "backend", "listen", "global", "defaults"};
    const auto line = trimmed(here.line());
    if (line.find('=') != line.npos || line.starts_with('['))
        return std::nullopt;
    const bool is_first = here.open().size() <= 1;
    const bool is_section = std::ranges::find(sections, line.substr(0, line.find(' '))) != std::end(sections);
    if (!is_first || (!is_section && !line.starts_with('{') && !line.ends_with('{') && !line.ends_with(':')))
        return std::nullopt;
    return at(here.where(), "this looks like another program's file; a table begins with a line such as "
                            "[[listener]] or [[route]], and "
                            "has lines KEY = VALUE");
}

explained several_values(const syntax_place& here) {
    const auto rest = trimmed(here.rest());
    const auto line = here.line();
    const auto equals = line.find('=');
    const bool has_another = rest.starts_with(',') && !trimmed(rest.substr(1)).empty();
    const auto values = equals == line.npos ? line : line.substr(equals + 1);
    if (!here.says("comment or whitespace") || !has_another || equals == line.npos)
        return std::nullopt;
    return at(here.where(), "several values stand between [ and ]; write " +
                                std::string(trimmed(line.substr(0, equals))) + " = [" +
                                std::string(trimmed(values.substr(0, values.find('#')))) + "]");
}

// What needs no look at the text: a part of what the reader says, and what we say.
struct phrase {
    std::string_view said;
    std::string_view ours;
};
constexpr phrase phrases[] = {
    {"nested value depth", "brackets in more than 256 brackets; write an array without arrays in it"},
    {"unknown escape sequence",
     "a backslash between double quotes begins an escape; write it twice, or write the "
     "string between single quotes"},
    {"hex digit", "\\u has four hexadecimal digits behind it, \\U eight; write all of them, or the string "
                  "between single quotes"},
    {"surrogates", "this is no character; write another one, or leave it out"},
    {"U+10FFFF", "this is no character; write one up to \\U0010FFFF"},
    {"prohibited in comments", "a control character in a comment; leave it out"},
    {"expected '\\n' after '\\r'", "a line that ends with a carriage return alone; save the file with Unix "
                                   "line ends"},
    {"expected value, saw", "no value behind the =; write one"},
    {"expected a comment or whitespace",
     "something stands behind the value; write each key on a line of its own, "
     "and a comment behind #"},
    {"utf-8", "this is not UTF-8; save the file as UTF-8"},
    {"expected keys, tables", "neither a key nor a [table]; write a comment behind #"},
    {"leading zero", "a number with a 0 in front; leave the 0 out"},
};

explained by_phrase(const syntax_place& here) {
    for (const auto& one : phrases)
        if (here.says(one.said))
            return at(here.where(), std::string(one.ours));
    return std::nullopt;
}

// by_place is for what nobody has thought of.
diagnostic by_place(const syntax_place& here) {
    if (here.says("string"))
        return at(here.where(), "this cannot stand in a string; write the string between single quotes");
    if (trimmed(here.before()).ends_with('=') && trimmed(here.rest()).empty())
        return at(here.where(), "no value behind the =; write one");
    if (here.before().find('=') != std::string_view::npos)
        return at(
            here.where(),
            "this is no value; write a text between double quotes, a number, true, false or an [array]");
    return at(here.where(), here.is_at_end() ? "the file ends inside a line; write KEY = VALUE"
                                             : "neither a key nor a [table]; write KEY = VALUE");
}

} // namespace

diagnostic explain_syntax_error(std::string_view text, std::string_view said, position where) {
    const syntax_place here{text, said, where};
    auto found = by_place(here);
    for (auto* const explain : {unclosed_string, bare_endpoint, other_format, unclosed_bracket, table_twice,
                                key_twice, broken_header, missing_quote, broken_key, several_values,
                                bare_value, bare_element, by_phrase, broken_array, broken_inline_table})
        if (auto better = explain(here)) {
            found = std::move(*better);
            break;
        }
    found.message += "; nothing else in the file was checked";
    return found;
}

} // namespace snipass::config
