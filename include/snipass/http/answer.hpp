// SPDX-License-Identifier: BSL-1.0
// The answers that the router gives itself, whole: a refusal, and a redirect.
#pragma once

#include "snipass/http/request_head.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace snipass::http {

using std::chrono::sys_seconds;

// An answer in HTTP/1.1, which clients of HTTP/1.0 understand (RFC 9110 section 2.5): a line of text as its
// body, the body's length, and the end of the connection. To HEAD the body is not sent.
struct answer {
    std::uint16_t status = 400;
    std::string_view text{};     // of the body, one line; empty: the status in words
    std::string_view location{}; // of a redirect; empty: none
    bool to_head = false;
};

// write_answer gives the bytes. `text` and `location` are printable ASCII: neither is what a stranger sent,
// unless a head_scanner has let it through as a target, or host_name has parsed it. `now` is for Date (RFC
// 9110 section 6.6.1).
[[nodiscard]] std::string write_answer(const answer& what, sys_seconds now);

// redirect_status is 301 for GET and HEAD, which old clients know, and 308 for what may have a body, which
// 301 lets clients repeat without it (RFC 9110 section 15.4).
[[nodiscard]] std::uint16_t redirect_status(std::string_view method) noexcept;

// reason is the status in words (RFC 9110 section 15); empty: it is none of ours.
[[nodiscard]] std::string_view reason(std::uint16_t status) noexcept;

// write_date is the time as in a Date field (RFC 9110 section 5.6.7).
[[nodiscard]] std::string write_date(sys_seconds time);

} // namespace snipass::http
