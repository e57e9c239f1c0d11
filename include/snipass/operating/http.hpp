// SPDX-License-Identifier: BSL-1.0
// http: what is asked and answered, without any socket.
#pragma once

#include "snipass/os/unix_peer.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace snipass::server {

struct http_question {
    std::string method;
    std::string target;
    std::optional<std::string> host{}; // the header
    bool takes_gzip = false;
    bool comes_by_path = false;           // by a unix socket, which no browser does
    std::optional<os::unix_peer> asker{}; // who does
};

struct http_answer {
    unsigned status = 200;
    std::string type = "text/plain; charset=utf-8";
    std::string body{};
    std::string nonce{}; // of the page's own script and style; empty: it has none
};

// path_of is a target without what stands behind "?".
[[nodiscard]] std::string_view path_of(std::string_view target) noexcept;

// parameters_of are those behind the "?", with what is percent-encoded in them as it was: the first ones, of
// somebody who has more to say than anybody asks.
inline constexpr std::size_t most_parameters = 16;
[[nodiscard]] std::map<std::string, std::string> parameters_of(std::string_view target);

// why_refused: a question that is not to be answered, whatever it is about. A page of a stranger's in the
// admin's browser reaches this machine by a name that it lets lead here ("DNS rebinding"), and that name is
// what the Host header says: so it must be an address, "localhost", or one of `hosts`.
[[nodiscard]] std::optional<http_answer> why_refused(const http_question& one,
                                                     const std::vector<std::string>& hosts);

// accepts_gzip reads an Accept-Encoding header (RFC 9110, section 12.5.3).
[[nodiscard]] bool accepts_gzip(std::string_view header);

// to_gzip is a gzip file (RFC 1952).
[[nodiscard]] std::string to_gzip(std::string_view text);

} // namespace snipass::server
