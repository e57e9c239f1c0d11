// SPDX-License-Identifier: BSL-1.0
// A refusal and a redirect, as bytes.
#include "snipass/http/answer.hpp"

#include <array>

namespace snipass::http {
namespace {

struct row {
    std::uint16_t status;
    std::string_view reason;
};

constexpr std::array rows{
    row{301, "Moved Permanently"},
    row{302, "Found"},
    row{307, "Temporary Redirect"},
    row{308, "Permanent Redirect"},
    row{400, "Bad Request"},
    row{403, "Forbidden"},
    row{404, "Not Found"},
    row{408, "Request Timeout"},
    row{410, "Gone"},
    row{421, "Misdirected Request"},
    row{431, "Request Header Fields Too Large"},
    row{501, "Not Implemented"},
    row{502, "Bad Gateway"},
    row{503, "Service Unavailable"},
    row{505, "HTTP Version Not Supported"},
};

void append_two_digits(std::string& to, unsigned number) {
    to += static_cast<char>('0' + number / 10 % 10);
    to += static_cast<char>('0' + number % 10);
}

void append_field(std::string& to, std::string_view name, std::string_view value) {
    to += name;
    to += ": ";
    to += value;
    to += "\r\n";
}

} // namespace

std::string write_answer(const answer& what, sys_seconds now) {
    std::string body{what.text.empty() ? reason(what.status) : what.text};
    body += '\n';
    std::string to{"HTTP/1.1 "};
    to += std::to_string(what.status);
    to += ' ';
    to += reason(what.status);
    to += "\r\n";
    append_field(to, "Date", write_date(now));
    if (!what.location.empty())
        append_field(to, "Location", what.location);
    append_field(to, "Content-Type", "text/plain");
    append_field(to, "Content-Length", std::to_string(body.size()));
    append_field(to, "Connection", "close");
    to += "\r\n";
    if (!what.to_head)
        to += body;
    return to;
}

std::uint16_t redirect_status(std::string_view method) noexcept {
    constexpr std::uint16_t moved_permanently = 301;
    constexpr std::uint16_t permanent_redirect = 308;
    return method == "GET" || method == "HEAD" ? moved_permanently : permanent_redirect;
}

std::string_view reason(std::uint16_t status) noexcept {
    for (const auto& row : rows)
        if (row.status == status)
            return row.reason;
    return {};
}

std::string write_date(sys_seconds time) {
    constexpr std::array<std::string_view, 7> weekdays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date{day};
    const std::chrono::hh_mm_ss clock{time - day};
    std::string to{weekdays[std::chrono::weekday{day}.c_encoding()]};
    to += ", ";
    append_two_digits(to, static_cast<unsigned>(date.day()));
    to += ' ';
    to += months[static_cast<unsigned>(date.month()) - 1];
    to += ' ';
    to += std::to_string(static_cast<int>(date.year()));
    to += ' ';
    append_two_digits(to, static_cast<unsigned>(clock.hours().count()));
    to += ':';
    append_two_digits(to, static_cast<unsigned>(clock.minutes().count()));
    to += ':';
    append_two_digits(to, static_cast<unsigned>(clock.seconds().count()));
    to += " GMT";
    return to;
}

} // namespace snipass::http
