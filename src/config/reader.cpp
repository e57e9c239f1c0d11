// SPDX-License-Identifier: BSL-1.0
// How the keys of a table are taken, and what is said of the ones that are left.
#include "reader.hpp"

#include <algorithm>
#include <iterator>

namespace snipass::config {
namespace {

// What other programs call our keys.
struct other_name {
    std::string_view written;
    std::string_view ours;
};
constexpr other_name other_names[] = {
    {"host", "names"},       {"hostname", "names"},    {"sni", "names"},     {"domain", "names"},
    {"domains", "names"},    {"server_name", "names"}, {"to", "backend"},    {"target", "backend"},
    {"upstream", "backend"}, {"listen", "address"},    {"bind", "address"},  {"port", "address"},
    {"socket", "handoff"},   {"path", "handoff"},      {"unix", "handoff"},  {"address", "proxy"},
    {"addresses", "proxy"},  {"server", "proxy"},      {"servers", "proxy"}, {"upstream", "proxy"},
    {"target", "proxy"},     {"to", "proxy"},          {"host", "proxy"}};

// misplaced: where [default] was meant, or a route.
std::string misplaced(const member& found) {
    if (found.key == "include")
        return "write it above the first table of the file";
    const auto* const text = std::get_if<std::string>(&found.value.value);
    if (!text || (found.key != "default" && found.key != "backend"))
        return {};
    const auto below =
        "write [default] on a line of its own, and backend = " + in_quotes(*text) + " below it";
    return found.key == "default" ? below : below + ", or the key into a [[route]]";
}

// one_of is "write this or that".
std::string one_of(std::span<const std::string_view> words) {
    std::string list = "write ";
    for (const auto& word : words)
        list += (&word == words.data() ? "" : " or ") + in_quotes(word);
    return list;
}

} // namespace

const member* table_reader::take(std::string_view key) {
    if (std::ranges::find(known_, key) == known_.end())
        known_.push_back(key);
    const auto found =
        std::find_if(table_.begin(), table_.end(), [&](const member& member) { return member.key == key; });
    return found == table_.end() ? nullptr : &*found;
}

void table_reader::reject(std::string_view key, std::string_view why) {
    rejected_.push_back(key);
    const auto found = std::ranges::find(table_, key, &member::key);
    if (found != table_.end())
        error(found->where, key, why);
}

void table_reader::error(position where, std::string_view key, std::string_view problem) {
    findings_.error(where, name_ + "." + std::string(key) + ": " + std::string(problem));
}

std::optional<std::string_view> table_reader::meant_by(std::string_view key) const {
    const auto other = std::ranges::find_if(other_names, [&](const other_name& one) {
        return one.written == key && std::ranges::find(known_, one.ours) != known_.end();
    });
    return other != std::end(other_names) ? other->ours : nearest(key, known_);
}

void table_reader::finish(std::span<const std::string_view> likely) {
    const auto is_in = [](const auto& keys, std::string_view key) {
        return std::ranges::find(keys, key) != keys.end();
    };
    for (const auto& member : table_) {
        if (is_in(known_, member.key) || is_in(rejected_, member.key))
            continue;
        auto instead = misplaced(member);
        if (instead.empty()) {
            const auto meant = meant_by(member.key);
            if (meant)
                instead = "write " + in_quotes(*meant);
            else
                instead = likely.empty() ? propose(member.key, known_) : one_of(likely);
            meant_.push_back(meant.value_or(std::string_view{}));
        }
        error(member.where, member.key, "unknown key; " + instead);
    }
}

bool table_reader::is_meant(std::string_view key) const {
    return std::ranges::find(meant_, key) != meant_.end();
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
