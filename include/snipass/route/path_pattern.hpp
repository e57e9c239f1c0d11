// SPDX-License-Identifier: BSL-1.0
// path_pattern: what an admin writes in `paths`.
#pragma once

#include <string>
#include <string_view>

namespace snipass::route {

// path_pattern is the path of one resource ("/feed"), or of all below a folder ("/live/*", whose text is
// "/live/"). Both it and what it is compared with are normalised (http/path), so bytes are compared with
// bytes: case counts, and a query is no part of a path. "/*" takes a request that has no path, too ("*").
struct path_pattern {
    std::string text;
    bool is_folder = false;

    [[nodiscard]] bool matches(std::string_view path) const noexcept {
        return is_folder ? takes_every_path() || path.starts_with(text) : path == text;
    }

    // covers: whatever `other` matches, this one matches, too.
    [[nodiscard]] bool covers(const path_pattern& other) const noexcept {
        return is_folder ? other.text.starts_with(text) : *this == other;
    }

    // takes_every_path: "/*".
    [[nodiscard]] bool takes_every_path() const noexcept { return is_folder && text == "/"; }

    [[nodiscard]] std::string to_string() const { return is_folder ? text + "*" : text; }

    friend bool operator==(const path_pattern&, const path_pattern&) = default;
};

} // namespace snipass::route
