// SPDX-License-Identifier: BSL-1.0
// redirect: where a backend sends its clients that is no server, but an answer.
#pragma once

#include "snipass/config/written.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace snipass::config {

// redirect_settings: each request of HTTP is answered with a URL.
struct redirect_settings {
    // A URL, with "{host}" and "{path}" in the places of what the client asks for. The host is one that a
    // route has, or none (decision); the path, with its query, begins with a slash, and stands behind the
    // URL's host.
    std::string url = "https://{host}{path}";
    std::optional<std::uint16_t> status{}; // none: http::redirect_status

    // needs_host: it says where to only together with the client's host.
    [[nodiscard]] bool needs_host() const noexcept { return url.find("{host}") != url.npos; }

    // location_for: `host` without its port, path and query as they were sent. A request for no path ("*")
    // goes to the URL's host.
    [[nodiscard]] std::string location_for(std::string_view host, std::string_view path,
                                           const std::optional<std::string_view>& query) const;
};

// parse_redirect takes "https", which is "https://{host}{path}", or a URL such as
// "https://www.example.com{path}".
[[nodiscard]] written<std::string> parse_redirect(std::string_view text);

} // namespace snipass::config
