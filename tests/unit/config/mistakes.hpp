// SPDX-License-Identifier: BSL-1.0
// Rows of "this text in a file gives these diagnostics".
#pragma once

#include "snipass/config/parse.hpp"

#include "catch.hpp"

#include <cstdlib>
#include <fstream>
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

// keep_row writes the row down for who judges the same texts in another way (tests/package/test_schema.py).
inline void keep_row(const mistakes_row& row) {
    const auto* const file = std::getenv("SNIPASS_KEPT_ROWS"); // NOLINT(concurrency-mt-unsafe)
    if (file == nullptr)
        return;
    std::ofstream out{file, std::ios::app};
    out << row.behaviour << '\x1f' << row.text;
    for (const auto& diagnostic : row.diagnostics)
        out << '\x1f' << diagnostic;
    out << '\x1e';
}

inline void check(const mistakes_row& row) {
    INFO(row.behaviour << "\n" << row.text);
    keep_row(row);
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
