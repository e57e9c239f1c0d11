// SPDX-License-Identifier: BSL-1.0
// What the journal takes in its native protocol (systemd's JOURNAL_NATIVE_PROTOCOL): a line for each field.
#include "snipass/telling/journal_entry.hpp"

#include <boost/algorithm/string/join.hpp>

#include <cctype>
#include <cerrno> // program_invocation_short_name

namespace snipass::server {
namespace {

// add_unquoted appends what `append` does, without its quotes.
template <class Append>
void add_unquoted(std::string& to, Append append) {
    const auto at = to.size();
    append(to);
    to.pop_back();
    to.erase(at, 1);
}

} // namespace

journal_entry::journal_entry(std::string& to, std::string_view message, config::log_level level) : to_(to) {
    to_ += "MESSAGE=";
    for (const char c : message)
        to_ += c == '\n' ? ' ' : c;
    constexpr std::string_view priorities[] = {"7", "7", "6", "4", "3"};
    ((to_ += "\nPRIORITY=") += priorities[static_cast<std::size_t>(level)]) += "\nSYSLOG_IDENTIFIER=";
    (to_ += program_invocation_short_name) += '\n';
}

void journal_entry::begin(std::string_view key) {
    to_ += "SNIPASS_";
    for (const char c : key)
        to_ += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    to_ += '=';
}

void journal_entry::word(std::string_view key, std::string_view value) {
    begin(key);
    (to_ += value) += '\n';
}

void journal_entry::quoted(std::string_view key, std::string_view value) {
    begin(key);
    add_unquoted(to_, [value](std::string& to) { append_json(to, value); });
    to_ += '\n';
}

void journal_entry::cut(std::string_view key, std::string_view value) {
    begin(key);
    add_unquoted(to_, [value](std::string& to) { append_cut(to, value); });
    to_ += '\n';
}

void journal_entry::words(std::string_view key, const std::vector<std::string>& values) {
    quoted(key, boost::algorithm::join(values, ","));
}

void journal_entry::protocols(std::string_view key, alpn_list list) {
    std::string joined;
    for (; !list.empty(); list.pop_front())
        (joined += joined.empty() ? "" : ",") += list.front();
    if (!joined.empty())
        cut(key, joined);
}

} // namespace snipass::server
