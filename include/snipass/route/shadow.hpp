// SPDX-License-Identifier: BSL-1.0
// What an admin wrote and no client will ever reach.
#pragma once

#include "snipass/route/table.hpp"

#include <cstddef>
#include <vector>

namespace snipass::route {

// shadowed_name is a name that another rule takes before, whose other conditions hold for every client that
// this rule is for.
struct shadowed_name {
    // What the other rule has.
    enum class reason {
        same_name,
        every_name, // a regex such as "/.*/", before this regex
        no_names,   // so it is asked first
    };
    std::size_t rule; // index into the rules
    std::size_t name; // index into that rule's names; 0 if it has none
    std::size_t by;   // index of the other rule; equal to `rule` where a rule has the same name twice
    reason why = reason::same_name;
};

// find_shadowed compares the patterns as they are: it does not know what a regex leaves to another one, but
// for those that take every name, nor what several rules with conditions leave together; and of very long
// lists of conditions it compares a few million pairs, and takes the rest for different. In the order of the
// rules and their names.
[[nodiscard]] std::vector<shadowed_name> find_shadowed(const std::vector<rule>& rules);

} // namespace snipass::route
