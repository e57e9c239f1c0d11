// SPDX-License-Identifier: BSL-1.0
// How the keys of a table are taken, and what is said of the ones that are left.
#include "reader.hpp"

#include <algorithm>

namespace snipass::config {

const member* table_reader::take(std::string_view key) {
    if (std::ranges::find(known_, key) == known_.end())
        known_.push_back(key);
    const auto found =
        std::find_if(table_.begin(), table_.end(), [&](const member& member) { return member.key == key; });
    return found == table_.end() ? nullptr : &*found;
}

void table_reader::reject(std::string_view key, std::string_view why) {
    if (const auto* const found = take(key))
        error(found->where, key, why);
}

void table_reader::error(position where, std::string_view key, std::string_view problem) {
    findings_.error(where, name_ + "." + std::string(key) + ": " + std::string(problem));
}

void table_reader::finish() {
    for (const auto& member : table_)
        if (std::find(known_.begin(), known_.end(), member.key) == known_.end())
            error(member.where, member.key, "unknown key; " + propose(member.key, known_));
}

std::span<const node> table_reader::elements_of(std::string_view key, const node& value, lone_string lone) {
    const auto* const array = std::get_if<elements>(&value.value);
    const auto* const text = std::get_if<std::string>(&value.value);
    if (array) {
        if (array->empty())
            error(value.where, key, "an empty array; write at least one string into it");
        return *array;
    }
    if (text && lone == lone_string::accepted)
        return {&value, 1};
    const auto instead =
        text ? "write [" + in_quotes(*text) + "]" : std::string("write strings between [ and ]");
    error(value.where, key, "expected an array, not " + describe(value) + "; " + instead);
    return {};
}

} // namespace snipass::config
