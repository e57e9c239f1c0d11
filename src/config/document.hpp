// SPDX-License-Identifier: BSL-1.0
// document: a TOML file as a plain tree in file order. Private to config; what reads it need not know toml++.
#pragma once

#include "snipass/config/parse.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace snipass::config {

struct node;
struct member;

using elements = std::vector<node>;
using members = std::vector<member>; // in file order, keys are unique

struct date_or_time {}; // no key of ours has one

struct node {
    position where;
    std::variant<std::string, std::int64_t, double, bool, date_or_time, elements, members> value;
};

struct member {
    std::string key;
    position where; // of the key
    node value;
};

// read_document reads the text; a syntax error is one diagnostic and no table, because the parser stops
// there.
struct read_document_result {
    members root;
    std::vector<diagnostic> diagnostics;
};
[[nodiscard]] read_document_result read_document(std::string_view text);

// describe is what a node is, for "not the integer 5".
[[nodiscard]] std::string describe(const node& node);

} // namespace snipass::config
