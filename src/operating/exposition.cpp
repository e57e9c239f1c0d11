// SPDX-License-Identifier: BSL-1.0
// Prometheus' text format (prometheus.io/docs/instrumenting/exposition_formats).
//
// Why not Debian's prometheus-cpp: what it would do here are these hundred lines. It wants each sample as an
// object of a few hundred bytes first, ten thousand of them for ten thousand routes, and keeps a counter as a
// double, so that bytes are rounded from 2^53 on.
#include "snipass/operating/exposition.hpp"

#include "snipass/base/quoted.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>

namespace snipass::server {
namespace {

void append_number(std::string& to, std::uint64_t value) {
    to += std::to_string(value);
}

// As short as it can be, and without an exponent: the bounds of a histogram are compared as text.
void append_number(std::string& to, double value) {
    std::array<char, 400> digits; // the longest there is has 327
    const auto end =
        std::to_chars(digits.data(), digits.data() + digits.size(), value, std::chars_format::fixed).ptr;
    to.append(digits.data(), end);
}

// is_utf8 as Prometheus has it (RFC 3629, section 3): one label with other bytes costs it the whole scrape.
bool is_utf8(std::string_view text) {
    constexpr std::array<char32_t, 4> least{0, 0x80, 0x800, 0x10000}; // that takes so many bytes more
    while (!text.empty()) {
        const auto first = static_cast<unsigned char>(text.front());
        const auto more = static_cast<std::size_t>(std::countl_one(first)) - (first < 0x80 ? 0 : 1);
        if (more >= std::min(text.size(), least.size()) || (first >= 0x80 && more == 0))
            return false;
        char32_t code = first & (more == 0 ? 0x7FU : 0x3FU >> more);
        for (const char c : text.substr(1, more)) {
            const auto next = static_cast<unsigned char>(c);
            if ((next & 0xC0U) != 0x80)
                return false;
            code = code << 6 | (next & 0x3FU);
        }
        if (code < least[more] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
            return false;
        text.remove_prefix(more + 1);
    }
    return true;
}

// A label's value: backslash, quote and newline are escaped, and nothing else may be.
void append_escaped(std::string& to, std::string_view value) {
    const auto text = is_utf8(value) ? std::string{value} : in_ascii_quotes(value);
    for (const char c : text) {
        if (c == '\\' || c == '"')
            to += '\\';
        if (c == '\n')
            to += "\\n";
        else
            to += c;
    }
}

} // namespace

void exposition::begin(std::string_view name, std::string_view kind, std::string_view help) {
    name_ = name;
    text_ += "# HELP ";
    text_ += name;
    text_ += ' ';
    text_ += help;
    text_ += "\n# TYPE ";
    text_ += name;
    text_ += ' ';
    text_ += kind;
    text_ += '\n';
}

void exposition::begin_sample(std::string_view suffix, labels with) {
    text_ += name_;
    text_ += suffix;
    char before = '{';
    for (const auto& [name, value] : with) {
        text_ += before;
        text_ += name;
        text_ += "=\"";
        append_escaped(text_, value);
        text_ += '"';
        before = ',';
    }
    text_ += with.size() > 0 ? "} " : " ";
}

void exposition::sample(labels with, std::uint64_t value) {
    begin_sample("", with);
    append_number(text_, value);
    text_ += '\n';
}

void exposition::sample(labels with, double value) {
    begin_sample("", with);
    append_number(text_, value);
    text_ += '\n';
}

void exposition::histogram(std::string_view name, std::string_view help, const histogram_totals& totals,
                           double unit) {
    begin(name, "histogram", help);
    std::uint64_t count = 0;
    for (std::size_t i = 0; i < totals.counts.size(); ++i) {
        count += totals.counts[i];
        std::string bound;
        if (i < totals.bounds.size())
            append_number(bound, static_cast<double>(totals.bounds[i]) / unit);
        begin_sample("_bucket", {{"le", bound.empty() ? "+Inf" : bound}});
        append_number(text_, count);
        text_ += '\n';
    }
    begin_sample("_sum", {});
    append_number(text_, static_cast<double>(totals.sum) / unit);
    text_ += '\n';
    begin_sample("_count", {});
    append_number(text_, count);
    text_ += '\n';
}

} // namespace snipass::server
