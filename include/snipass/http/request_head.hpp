// SPDX-License-Identifier: BSL-1.0
// request_head: the fields of a request head that routing, the log and a backend's protocol use, as views.
#pragma once

#include "snipass/base/bytes.hpp"
#include "snipass/base/result.hpp"
#include "snipass/http/field_list.hpp"
#include "snipass/http/head_error.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace snipass::http {

// request_head's views point into the head that it was parsed from; `path` may lie in the reader's scratch.
struct request_head {
    std::string_view method;   // as sent: case counts (RFC 9110 section 9.1)
    std::string_view target;   // as sent
    std::string_view host;     // as sent, without its port; empty: none. An IPv6 address has its brackets
    std::string_view raw_path; // the target's path as sent; "/" where it has none, "*" of OPTIONS *
    std::optional<std::string_view> query; // as sent, without the '?'
    std::string_view path;                 // raw_path in normal form (normalise_path); empty: it has none
    std::optional<head_error> unsafe;      // why it has none, other than that of OPTIONS *
    std::uint8_t minor_version = 1;        // of HTTP/1
    std::size_t size = 0;                  // in the stream, the empty line included
    field_list fields;

    // is_head: an answer to it has no body.
    [[nodiscard]] bool is_head() const noexcept { return method == "HEAD"; }
};

// parse_request_head reads a whole head that head_scanner has found, and is strict: what servers refuse, or
// may read differently, is an error (docs/parser.md has every rule), but for a path: that matters only where
// somebody routes by it. Work is linear, and nothing is allocated but a path's normal form in `scratch`.
// Errors: head_error.
[[nodiscard]] result<request_head> parse_request_head(byte_view head, std::vector<std::uint8_t>& scratch);

} // namespace snipass::http
