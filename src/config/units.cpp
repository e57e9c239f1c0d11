// SPDX-License-Identifier: BSL-1.0
// Durations and sizes share a grammar, a whole number and a unit, and differ in the table of units.
#include "snipass/config/units.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <limits>

namespace snipass::config {
namespace {

struct unit {
    std::string_view name;
    std::uint64_t factor; // in the smallest of its kind
};

// From the largest to the smallest.
constexpr unit time_units[] = {{"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}};
constexpr unit size_units[] = {{"MiB", 1'048'576}, {"KiB", 1'024}, {"B", 1}};

// What people write instead, and what they mean by it.
struct alias {
    std::string_view written;
    std::string_view unit;
};
constexpr alias aliases[] = {
    {"sec", "s"},    {"secs", "s"},    {"second", "s"}, {"seconds", "s"}, {"min", "m"},   {"mins", "m"},
    {"minute", "m"}, {"minutes", "m"}, {"hour", "h"},   {"hours", "h"},   {"msec", "ms"}, {"", "s"},
    {"S", "s"},      {"M", "m"},       {"H", "h"},      {"MS", "ms"},     {"k", "KiB"},   {"K", "KiB"},
    {"kB", "KiB"},   {"KB", "KiB"},    {"kb", "KiB"},   {"Ki", "KiB"},    {"kib", "KiB"}, {"m", "MiB"},
    {"M", "MiB"},    {"MB", "MiB"},    {"mb", "MiB"},   {"Mi", "MiB"},    {"mib", "MiB"}, {"b", "B"},
    {"", "B"},       {"bytes", "B"},   {"byte", "B"},
};

constexpr auto largest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

template <std::size_t N>
std::string unit_list(const unit (&units)[N]) {
    std::string list;
    for (auto i = N; i-- > 0;)
        list += std::string(units[i].name) + (i > 1 ? ", " : i == 1 ? " or " : "");
    return list;
}

// proposal is the number with the unit that was probably meant; empty: no idea.
template <std::size_t N>
std::string proposal(const unit (&units)[N], std::string_view digits, std::string_view name) {
    while (name.starts_with(' '))
        name.remove_prefix(1);
    for (const auto& unit : units)
        if (unit.name == name)
            return std::string(digits) + std::string(unit.name);
    for (const auto& alias : aliases)
        for (const auto& unit : units)
            if (alias.written == name && alias.unit == unit.name)
                return std::string(digits) + std::string(unit.name);
    return {};
}

template <std::size_t N>
written<std::uint64_t> parse(const unit (&units)[N], std::string_view text, const char* example) {
    using result = written<std::uint64_t>;
    const auto digit_count = std::min(text.find_first_not_of("0123456789"), text.size());
    const auto digits = text.substr(0, digit_count);
    const auto name = text.substr(digit_count);
    const auto wanted =
        "write a whole number and a unit (" + unit_list(units) + "), such as " + in_quotes(example);
    if (digits.empty())
        return result::refused(in_quotes(text) + " does not begin with a number; " + wanted);

    const auto* const found =
        std::find_if(std::begin(units), std::end(units), [&](const unit& unit) { return unit.name == name; });
    if (found == std::end(units)) {
        const auto better = proposal(units, digits, name);
        const auto what = in_quotes(text) + (name.empty() ? " has no unit; " : " is not understood; ");
        return result::refused(what + (better.empty() ? wanted : "write " + in_quotes(better)));
    }
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error != std::errc{} || number > largest / found->factor)
        return result::refused(in_quotes(text) + " is too large");
    return number * found->factor;
}

template <std::size_t N>
std::string format(const unit (&units)[N], std::uint64_t number, std::string_view zero) {
    if (number == 0)
        return std::string(zero);
    const auto* const fits = std::find_if(std::begin(units), std::end(units),
                                          [&](const unit& unit) { return number % unit.factor == 0; });
    return std::to_string(number / fits->factor) + std::string(fits->name);
}

} // namespace

written<std::chrono::milliseconds> parse_duration(std::string_view text) {
    using result = written<std::chrono::milliseconds>;
    const auto parsed = parse(time_units, text, "5s");
    // Who writes 5000 thinks of another program, and of milliseconds.
    const bool is_many = text.size() > 3 && text.find_first_not_of("0123456789") == text.npos;
    if (!parsed.value)
        return result::refused(parsed.problem +
                               (is_many ? ", or " + in_quotes(std::string(text) + "ms") : ""));
    return std::chrono::milliseconds{static_cast<std::int64_t>(*parsed.value)};
}

written<std::size_t> parse_size(std::string_view text) {
    const auto parsed = parse(size_units, text, "64KiB");
    if (!parsed.value)
        return written<std::size_t>::refused(parsed.problem);
    return static_cast<std::size_t>(*parsed.value);
}

std::string format_duration(std::chrono::milliseconds duration) {
    return format(time_units, static_cast<std::uint64_t>(duration.count()), "0s");
}

std::string format_size(std::size_t bytes) {
    return format(size_units, bytes, "0B");
}

} // namespace snipass::config
