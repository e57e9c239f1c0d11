// SPDX-License-Identifier: BSL-1.0
// The one file that knows toml++.
#include "document.hpp"
#include "syntax_error.hpp"

#include <algorithm>
#include <toml++/toml.h>

namespace snipass::config {
namespace {

// toml++ builds and destroys nested tables recursively, and a dotted key may nest as deep as it is long.
constexpr std::size_t most_dots = 1'000;

position to_position(const toml::source_region& region) {
    return {region.begin.line, region.begin.column};
}

// convert empties the nodes it passes: a million names are not held twice, and a table that is gone makes
// room for the next one.
node convert(toml::node& from);

members convert(toml::table& from) {
    members to;
    to.reserve(from.size());
    for (auto&& [key, value] : from)
        to.push_back({std::string(key.str()), to_position(key.source()), convert(value)});
    // toml++ sorts by key.
    std::sort(to.begin(), to.end(), [](const member& a, const member& b) { return a.where < b.where; });
    return to;
}

elements convert(toml::array& from) {
    elements to;
    to.reserve(from.size());
    for (auto&& element : from)
        to.push_back(convert(element));
    from.clear();
    return to;
}

node convert(toml::node& from) {
    node to{to_position(from.source()), date_or_time{}};
    if (auto* const text = from.as_string())
        to.value = std::move(text->get());
    else if (const auto* const integer = from.as_integer())
        to.value = integer->get();
    else if (const auto* const real = from.as_floating_point())
        to.value = real->get();
    else if (const auto* const boolean = from.as_boolean())
        to.value = boolean->get();
    else if (auto* const array = from.as_array())
        to.value = convert(*array);
    else if (auto* const inner = from.as_table()) {
        to.value = convert(*inner);
        inner->clear();
    }
    return to;
}

// overlong_key finds a line that nests deeper than any key of ours by orders of magnitude.
std::optional<position> overlong_key(std::string_view text) {
    position at{1, 1};
    std::size_t dots = 0;
    for (const char c : text) {
        if (c == '\n')
            ++at.line;
        dots = c == '\n' || c == ',' ? 0 : dots + (c == '.' ? 1 : 0);
        if (dots > most_dots)
            return at;
    }
    return std::nullopt;
}

} // namespace

read_document_result read_document(std::string_view text) {
    if (const auto where = overlong_key(text))
        return {
            {},
            {{severity::error, *where,
              "more than 1000 dots without a comma between them; write shorter keys, or break the line"}}};
    try {
        auto root = toml::parse(text);
        return {convert(root), {}};
    } catch (const toml::parse_error& error) {
        return {{}, {explain_syntax_error(text, error.description(), to_position(error.source()))}};
    }
}

} // namespace snipass::config
