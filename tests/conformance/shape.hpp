// SPDX-License-Identifier: BSL-1.0
// shape: one way in which a client may begin, as the bytes it sends and when.
#pragma once

#include "hello_builder.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace snipass::conformance {

using std::chrono::milliseconds;
using testing::bytes;

// piece is what the client writes in one call, `pause` after the piece before.
struct piece {
    bytes data;
    milliseconds pause{0};
};

enum class legality {
    legal,     // a conforming client may send it: a router that refuses it loses somebody
    forbidden, // an RFC forbids it: refusing is right, whatever the judge makes of it
};

struct shape {
    std::string name; // "group/shape": stable, for --only, and for comparing two runs
    std::string what; // one line for a reader
    std::string rule; // where it is written, "RFC 8446 5.1"
    legality by_rfc = legality::legal;
    std::vector<piece> pieces;
    bool half_closes = false; // the client closes its sending half behind the last piece
    // The name that a reader by the letter of the RFC finds where the judge refuses: either answer is right.
    std::optional<std::string> name_by_letter;

    [[nodiscard]] bytes stream() const;
};

// The names that the router has routes for, and one that it has none for.
struct route_names {
    std::string a = "a.test";
    std::string b = "b.test";
    std::string unknown = "unknown.test";
};

// all_shapes. `slow` is how long the slowest client takes for its hello; it must be less than the deadline of
// the router under test.
[[nodiscard]] std::vector<shape> all_shapes(const route_names& names, milliseconds slow);

} // namespace snipass::conformance
