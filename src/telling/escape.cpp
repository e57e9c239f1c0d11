// SPDX-License-Identifier: BSL-1.0
// A stranger's bytes on their way into a log line.
#include "snipass/telling/escape.hpp"

#include <array>
#include <ctime>

namespace snipass::server {

namespace {

void append_escaped(std::string& to, char c) {
    static constexpr std::string_view digits = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
        to += '\\';
        to += c;
    } else if (byte >= 0x20 && byte < 0x7f) {
        to += c;
    } else {
        to += "\\u00";
        to += digits[byte >> 4];
        to += digits[byte & 0x0f];
    }
}

} // namespace

void append_json(std::string& to, std::string_view text) {
    to += '"';
    for (const char c : text)
        append_escaped(to, c);
    to += '"';
}

void append_cut(std::string& to, std::string_view text) {
    static constexpr std::string_view mark = "...";
    to += '"';
    const auto begin = to.size();
    auto room_for_mark = begin; // the longest that leaves room for it
    for (const char c : text) {
        append_escaped(to, c);
        if (to.size() - begin > longest_text) {
            to.resize(room_for_mark);
            to += mark;
            break;
        }
        if (to.size() - begin + mark.size() <= longest_text)
            room_for_mark = to.size();
    }
    to += '"';
}

void append_time(std::string& to, std::chrono::system_clock::time_point time) {
    using namespace std::chrono;
    const auto milliseconds_since = time_point_cast<milliseconds>(time);
    const std::time_t seconds_since = system_clock::to_time_t(time_point_cast<seconds>(milliseconds_since));
    std::tm parts{};
    ::gmtime_r(&seconds_since, &parts);
    std::array<char, 32> text;
    const auto size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S.", &parts);
    to.append(text.data(), size);
    const auto fraction = static_cast<int>((milliseconds_since.time_since_epoch() % seconds{1}).count());
    to += static_cast<char>('0' + fraction / 100);
    to += static_cast<char>('0' + fraction / 10 % 10);
    to += static_cast<char>('0' + fraction % 10);
    to += 'Z';
}

void append_priority(std::string& to, config::log_level level) {
    static constexpr std::string_view priorities[] = {"<7>", "<7>", "<6>", "<4>", "<3>"};
    to += priorities[static_cast<std::size_t>(level)];
}

} // namespace snipass::server
