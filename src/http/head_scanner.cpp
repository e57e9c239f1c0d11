// SPDX-License-Identifier: BSL-1.0
// The end of a request head, found byte by byte in the order of RFC 9112.
#include "snipass/http/head_scanner.hpp"

#include "snipass/http/characters.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>

namespace snipass::http {
namespace {

constexpr std::uint8_t space = ' ';
constexpr std::uint8_t tab = '\t';
constexpr std::uint8_t carriage_return = '\r';
constexpr std::uint8_t line_feed = '\n';

constexpr std::string_view version_form = "HTTP/d.d"; // d: a digit

// Whoever speaks another protocol has said so by then: HTTP/2's preface has as many (RFC 9113 section 3.4).
constexpr std::size_t first_bytes = 24;

constexpr bool is_line_end(std::uint8_t byte) {
    return byte == carriage_return || byte == line_feed;
}

// The types of TLS records (RFC 8446 section 5.1), which no HTTP begins with.
constexpr bool is_record_type(std::uint8_t byte) {
    return byte >= 20 && byte <= 23;
}

// are_plain tells of eight bytes at once that each is a value's, and no tab: none is below 0x20, or 0x7f.
bool are_plain(const std::uint8_t* eight) noexcept {
    constexpr std::uint64_t ones = 0x0101'0101'0101'0101;
    std::uint64_t bytes = 0;
    std::memcpy(&bytes, eight, sizeof bytes);
    const auto del = bytes ^ (ones * 0x7f);
    return ((((bytes - ones * 0x20) & ~bytes) | ((del - ones) & ~del)) & (ones * 0x80)) == 0;
}

// run_length is how many bytes from the first on are of the classes. Nearly all of a head is values.
std::uint32_t run_length(byte_view stream, unsigned classes) noexcept {
    const auto* at = stream.data();
    const auto* const end = at + stream.size();
    while (classes == in_value && end - at >= 8 && are_plain(at))
        at += 8;
    while (at != end && is(*at, classes))
        ++at;
    return static_cast<std::uint32_t>(at - stream.data());
}

} // namespace

result<std::size_t> head_scanner::advance(byte_view stream) noexcept {
    const auto end = std::min<std::size_t>(stream.size(), head_max_);
    const auto begin = cursor_;
    std::optional<head_error> broken;
    while (cursor_ < end && place_ != place::behind) {
        if (const auto run = run_of(place_))
            cursor_ += run_length(stream.subspan(cursor_, end - cursor_), run);
        if (cursor_ == end)
            break;
        broken = turn(stream[cursor_]);
        if (broken)
            break;
        ++cursor_;
    }
    bytes_examined_ += cursor_ - begin;
    if (broken)
        return *broken;
    if (place_ == place::behind)
        return cursor_;
    if (cursor_ + fewest() > head_max_)
        return head_error::head_too_long;
    return cursor_ + (cursor_ < first_bytes ? 1 : fewest());
}

// run_of is what a place is made of; another byte ends it.
unsigned head_scanner::run_of(place where) noexcept {
    switch (where) {
    case place::method:
    case place::name:
        return in_token;
    case place::target:
        return in_target;
    case place::value:
        return in_value;
    default:
        return 0;
    }
}

std::optional<head_error> head_scanner::turn(std::uint8_t byte) noexcept {
    switch (place_) {
    case place::start:
        return begin(byte);
    case place::record_version:
        return byte == 3 ? head_error::tls_record : head_error::not_http;
    case place::method:
        if (byte != space)
            return is_line_end(byte) ? head_error::request_line : head_error::method_byte;
        place_ = place::target_start;
        return {};
    case place::target_start:
        if (!is(byte, in_target))
            return byte == space || is_line_end(byte) ? head_error::request_line : head_error::target_byte;
        place_ = place::target;
        return {};
    case place::target:
        if (byte != space)
            return is_line_end(byte) ? head_error::request_line : head_error::target_byte;
        place_ = place::version;
        return {};
    case place::version:
        return read_version(byte);
    case place::version_line_feed:
    case place::value_line_feed:
        return expect_line_feed(byte, place::line_start);
    case place::line_start:
        return begin_line(byte);
    case place::name:
        if (byte != ':')
            return byte == space || byte == tab ? head_error::space_before_colon : head_error::field_name;
        place_ = place::value;
        return {};
    case place::value:
        if (byte != carriage_return)
            return byte == line_feed ? head_error::bare_lf : head_error::field_value;
        place_ = place::value_line_feed;
        return {};
    case place::last_line_feed:
        return expect_line_feed(byte, place::behind);
    case place::behind:
        break;
    }
    return {};
}

std::optional<head_error> head_scanner::begin(std::uint8_t byte) noexcept {
    if (is_record_type(byte)) {
        place_ = place::record_version;
        return {};
    }
    if (is_line_end(byte))
        return head_error::empty_line;
    if (!is(byte, in_token))
        return head_error::not_http;
    place_ = place::method;
    return {};
}

std::optional<head_error> head_scanner::read_version(std::uint8_t byte) noexcept {
    if (version_seen_ == version_form.size()) {
        if (byte != carriage_return)
            return byte == line_feed ? head_error::bare_lf : head_error::version_text;
        place_ = place::version_line_feed;
        return {};
    }
    const char wanted = version_form[version_seen_];
    if (wanted == 'd' ? !is(byte, digit) : byte != static_cast<std::uint8_t>(wanted))
        return head_error::version_text;
    ++version_seen_;
    return {};
}

std::optional<head_error> head_scanner::begin_line(std::uint8_t byte) noexcept {
    if (byte == carriage_return) {
        place_ = place::last_line_feed;
        return {};
    }
    if (byte == line_feed)
        return head_error::bare_lf;
    if (byte == space || byte == tab)
        return head_error::line_folding;
    if (!is(byte, in_token))
        return head_error::field_name;
    place_ = place::name;
    return {};
}

std::optional<head_error> head_scanner::expect_line_feed(std::uint8_t byte, place next) noexcept {
    if (byte != line_feed)
        return head_error::bare_cr;
    place_ = next;
    return {};
}

// fewest is how few bytes can complete the head.
std::size_t head_scanner::fewest() const noexcept {
    constexpr std::size_t line_ends = 4; // of the line, and the empty line
    constexpr std::size_t version = version_form.size() + line_ends;
    switch (place_) {
    case place::start:
        return 4 + version; // "M / "
    case place::method:
        return 3 + version;
    case place::target_start:
        return 2 + version;
    case place::target:
        return 1 + version;
    case place::version:
        return version - version_seen_;
    case place::name:
        return 1 + line_ends;
    case place::value:
        return line_ends;
    case place::version_line_feed:
    case place::value_line_feed:
        return line_ends - 1;
    case place::line_start:
        return 2;
    case place::record_version:
    case place::last_line_feed:
    case place::behind:
        break;
    }
    return 1;
}

} // namespace snipass::http
