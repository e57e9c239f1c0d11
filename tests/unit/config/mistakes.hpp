// SPDX-License-Identifier: BSL-1.0
// Rows of "this text in a file gives these diagnostics".
#pragma once

#include "snipass/config/parse.hpp"

#include "catch.hpp"

#include <string>
#include <vector>

namespace snipass::config {

// What makes a file valid, to stand behind the text of a row so that the row's lines count from 1.
inline const std::string listener = "[[listener]]\naddress = \"[::]:443\"\n";
inline const std::string backend = "[backend.b]\nhandoff = \"unix:/run/b.sock\"\n";
inline const std::string fallback = "[default]\nbackend = \"b\"\n";
inline const std::string rest = listener + backend + fallback;

struct mistakes_row {
    const char* behaviour;
    std::string text;
    std::vector<std::string> diagnostics; // without the file's name and colon
};

inline void check(const mistakes_row& row) {
    INFO(row.behaviour << "\n" << row.text);
    const auto parsed = parse(row.text, "f");
    std::vector<std::string> found;
    bool error = false;
    for (const auto& diagnostic : parsed.diagnostics) {
        found.push_back(diagnostic.to_string("f").substr(2));
        error = error || diagnostic.level == severity::error;
    }
    CHECK(found == row.diagnostics);
    CHECK((parsed.value != nullptr) == !error);
}

} // namespace snipass::config
