// SPDX-License-Identifier: BSL-1.0
#include "report.hpp"

#include <algorithm>
#include <cstdio>
#include <iomanip>
#include <ostream>
#include <string_view>

namespace snipass::conformance {

namespace {

constexpr int name_width = 48;
constexpr int expected_width = 24;
constexpr std::size_t longest_text = 60; // a name of 16,000 bytes is not for a table

// printable: bytes that a terminal or a table would not show as they are become \xNN.
std::string printable(std::string_view text) {
    std::string shown;
    for (const unsigned char byte : text.substr(0, longest_text)) {
        if (byte >= 0x20 && byte < 0x7f) {
            shown.push_back(static_cast<char>(byte));
            continue;
        }
        char code[5];
        (void)std::snprintf(code, sizeof code, "\\x%02x", byte);
        shown += code;
    }
    return text.size() > longest_text ? shown + "..." : shown;
}

std::string in_quotes(std::string_view text) {
    std::string json = "\"";
    for (const unsigned char byte : text) {
        char code[7];
        if (byte == '"' || byte == '\\')
            (void)std::snprintf(code, sizeof code, "\\%c", byte);
        else if (byte >= 0x20 && byte < 0x7f)
            (void)std::snprintf(code, sizeof code, "%c", byte);
        else
            (void)std::snprintf(code, sizeof code, "\\u%04x", byte); // a byte, not a character: Latin-1
        json += code;
    }
    return json + '"';
}

std::string escaped_for_markdown(std::string text) {
    for (std::size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2)
        text.insert(at, 1, '\\');
    return text;
}

const char* legality_text(const shape& shape) {
    return shape.by_rfc == legality::legal ? "legal" : "forbidden";
}

} // namespace

std::size_t wrongs(const std::vector<result_row>& rows) {
    return static_cast<std::size_t>(
        std::ranges::count_if(rows, [](const result_row& row) { return !row.decided.is_right(); }));
}

void print_head(std::ostream& out, const run_facts& facts) {
    out << "router " << facts.router << ", judge " << facts.judge << "\n\n"
        << std::left << std::setw(name_width) << "shape" << std::setw(expected_width) << "right is"
        << "seen\n";
}

void print_row(std::ostream& out, const result_row& row) {
    out << std::left << std::setw(name_width) << row.what.name << std::setw(expected_width)
        << row.expected.to_string() << row.seen.to_string();
    if (!row.decided.is_right())
        out << "   WRONG (" << to_string(row.decided.kind) << "): " << row.decided.why << "  ["
            << row.what.what << "; " << row.what.rule << "; the judge " << printable(row.judged.to_string())
            << "]";
    out << '\n' << std::flush;
}

void print_summary(std::ostream& out, const std::vector<result_row>& rows) {
    const auto wrong = wrongs(rows);
    out << '\n' << rows.size() << " shapes: " << rows.size() - wrong << " right, " << wrong << " wrong";
    const char* separator = wrong == 0 ? "" : " (";
    for (const auto kind : {fault::misrouted, fault::lost, fault::lenient, fault::damaged}) {
        const auto count =
            std::ranges::count_if(rows, [kind](const result_row& row) { return row.decided.kind == kind; });
        if (count == 0)
            continue;
        out << separator << count << ' ' << to_string(kind);
        separator = ", ";
    }
    out << (wrong == 0 ? "\n" : ")\n");
}

void print_json(std::ostream& out, const run_facts& facts, const std::vector<result_row>& rows) {
    out << "{\"router\": " << in_quotes(facts.router) << ", \"judge\": " << in_quotes(facts.judge)
        << ", \"right\": " << rows.size() - wrongs(rows) << ", \"wrong\": " << wrongs(rows)
        << ", \"shapes\": [";
    const char* separator = "\n";
    for (const auto& row : rows) {
        out << separator << "{\"shape\": " << in_quotes(row.what.name)
            << ", \"what\": " << in_quotes(row.what.what) << ", \"rule\": " << in_quotes(row.what.rule)
            << ", \"by_rfc\": " << in_quotes(legality_text(row.what))
            << ", \"judge\": " << in_quotes(printable(row.judged.to_string()))
            << ", \"expected\": " << in_quotes(row.expected.to_string())
            << ", \"seen\": " << in_quotes(row.seen.to_string())
            << ", \"right\": " << (row.decided.is_right() ? "true" : "false")
            << ", \"fault\": " << in_quotes(to_string(row.decided.kind))
            << ", \"why\": " << in_quotes(row.decided.why) << "}";
        separator = ",\n";
    }
    out << "\n]}\n";
}

void print_list(std::ostream& out, const std::vector<result_row>& rows) {
    for (const auto& row : rows)
        out << std::left << std::setw(name_width) << row.what.name << std::setw(expected_width)
            << row.expected.to_string() << row.what.what << "  [" << row.what.rule << "; "
            << legality_text(row.what) << "; the judge " << printable(row.judged.to_string()) << "]\n";
}

void print_markdown(std::ostream& out, const std::vector<result_row>& rows) {
    out << "| shape | what the client sends | rule | by the RFC | right is |\n| --- | --- | --- | --- | --- "
           "|\n";
    for (const auto& row : rows)
        out << "| `" << row.what.name << "` | " << escaped_for_markdown(row.what.what) << " | "
            << row.what.rule << " | " << legality_text(row.what) << " | " << row.expected.to_string()
            << " |\n";
}

} // namespace snipass::conformance
