// What an admin wrote and no client will ever reach.
#pragma once

#include "snipass/route/table.hpp"

#include <cstddef>
#include <vector>

namespace snipass::route {

// shadowed_name is a name that an earlier rule has too, whose other conditions hold for every client that
// this rule is for.
struct shadowed_name {
    std::size_t rule; // index into the rules
    std::size_t name; // index into that rule's names
    std::size_t by;   // index of the earlier rule; equal to `rule` where a rule has the same name twice
};

// find_shadowed compares the patterns as they are: it does not know that "/.*/" leaves nothing to the regexes
// behind it, nor what several rules with conditions leave together; and of very long lists of conditions it
// compares a few million pairs, and takes the rest for different. In the order of the rules and their names.
[[nodiscard]] std::vector<shadowed_name> find_shadowed(const std::vector<rule>& rules);

} // namespace snipass::route
