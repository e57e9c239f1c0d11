// SPDX-License-Identifier: BSL-1.0
// What a reload changes. What the file says of a listener, route or backend is one number, so that a new key
// is a change without anybody's help.
#include "snipass/config/changes.hpp"

#include "document.hpp"
#include "written_number.hpp"

#include <functional>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace snipass::config {
namespace {

constexpr std::size_t most_lines = 1'000;

constexpr std::uint64_t mix(std::uint64_t hash, std::uint64_t value) {
    return (hash ^ value) * 0x9e37'79b9'7f4a'7c15U + (hash >> 29U);
}

std::uint64_t number_of(std::string_view text) {
    return std::hash<std::string_view>{}(text);
}

std::uint64_t number_of(const node& one);

std::uint64_t number_of(const elements& all) {
    std::uint64_t hash = 1;
    for (const auto& one : all)
        hash = mix(hash, number_of(one));
    return hash;
}

std::uint64_t number_of(const node& one) {
    const auto value = std::visit(
        [](const auto& held) -> std::uint64_t {
            using type = std::decay_t<decltype(held)>;
            if constexpr (std::is_same_v<type, date_or_time>)
                return 0;
            else if constexpr (std::is_same_v<type, elements> || std::is_same_v<type, std::string>)
                return number_of(held);
            else if constexpr (std::is_same_v<type, members>)
                return written_number(held);
            else
                return std::hash<type>{}(held);
        },
        one.value);
    return mix(one.value.index(), value);
}

struct entry {
    std::string name;
    std::uint64_t written;
};

// named gives the second entry of a name "#2", and so on.
std::vector<entry> named(std::vector<entry> all) {
    std::unordered_map<std::string, std::size_t> times;
    for (auto& one : all)
        if (const auto n = ++times[one.name]; n > 1)
            one.name += " #" + std::to_string(n);
    return all;
}

std::vector<entry> listeners(const configuration& of) {
    std::vector<entry> all;
    for (const auto& one : of.listeners)
        all.push_back({one.address, one.written});
    return named(std::move(all));
}

std::vector<entry> routes(const configuration& of) {
    std::vector<entry> all;
    all.reserve(of.routes.size());
    for (const auto& one : of.routes)
        all.push_back(
            {one.name.empty() ? "of any name" : one.name.substr(0, one.name.find('\n')), one.written});
    return named(std::move(all));
}

std::vector<entry> backends(const configuration& of) {
    std::vector<entry> all;
    for (const auto& one : of.backends)
        all.push_back({one.name, one.written});
    return all;
}

// compare: `what` stands in front of each name.
void compare(const std::string& what, const std::vector<entry>& before, const std::vector<entry>& now,
             std::vector<std::string>& lines) {
    std::unordered_map<std::string_view, std::pair<std::uint64_t, bool>> known; // and whether it is there now
    for (const auto& one : before)
        known.emplace(one.name, std::pair{one.written, false});
    for (const auto& one : now) {
        const auto found = known.find(one.name);
        if (found == known.end()) {
            lines.push_back("added " + what + one.name);
            continue;
        }
        found->second.second = true;
        if (found->second.first != one.written)
            lines.push_back("altered " + what + one.name);
    }
    for (const auto& one : before)
        if (!known.at(one.name).second)
            lines.push_back("removed " + what + one.name);
}

std::vector<entry> tables(const configuration& of) {
    std::vector<entry> all;
    for (const auto& [name, written] : of.tables)
        all.push_back({"[" + name + "]", written});
    return all;
}

std::string_view default_of(const configuration& of) {
    return of.default_backend ? std::string_view{of.backends[*of.default_backend].name} : "none";
}

// is_reordered: of two routes that were there before, the one is in front of the other now.
bool is_reordered(const std::vector<entry>& before, const std::vector<entry>& now) {
    std::unordered_map<std::string_view, std::size_t> places;
    for (std::size_t i = 0; i < before.size(); ++i)
        places.emplace(before[i].name, i);
    std::size_t last = 0;
    for (const auto& one : now) {
        const auto found = places.find(one.name);
        if (found == places.end())
            continue;
        if (found->second < last)
            return true;
        last = found->second;
    }
    return false;
}

} // namespace

// The order of keys says nothing.
std::uint64_t written_number(const members& table) {
    std::uint64_t sum = 2;
    for (const auto& one : table)
        sum += mix(number_of(one.key), number_of(one.value));
    return sum;
}

std::vector<std::string> changes(const configuration& before, const configuration& now) {
    std::vector<std::string> lines;
    compare("", tables(before), tables(now), lines);
    compare("listener ", listeners(before), listeners(now), lines);
    const auto old_routes = routes(before);
    const auto new_routes = routes(now);
    compare("route ", old_routes, new_routes, lines);
    if (is_reordered(old_routes, new_routes))
        lines.push_back("altered the order of routes");
    compare("backend ", backends(before), backends(now), lines);
    if (default_of(before) != default_of(now))
        lines.push_back("altered [default]");
    if (lines.size() > most_lines) {
        const auto left_out = lines.size() - most_lines;
        lines.resize(most_lines);
        lines.push_back("and " + std::to_string(left_out) + " more");
    }
    if (!lines.empty() && now.tls)
        lines.emplace_back("snipass-tls reads the file for itself: systemctl reload snipass-tls");
    return lines;
}

} // namespace snipass::config
