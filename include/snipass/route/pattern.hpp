// SPDX-License-Identifier: BSL-1.0
// pattern: what an admin writes in `names`.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace snipass::route {

enum class pattern_kind {
    exact,    // "blog.example.com"
    wildcard, // "*.example.com": one or more labels in front
    regex,    // "/regex/": RE2 syntax, full match, case folded
    any,      // no pattern: what a rule without names matches by
};

// pattern is validated text: for exact and wildcard a normalised host name (without "*."), for regex the
// expression between the slashes.
struct pattern {
    pattern_kind kind = pattern_kind::exact;
    std::string text;

    // parse: on failure `problem` says what is wrong and what to write instead, for the diagnostic; it quotes
    // nothing of what was written but for a proposal, so the caller says which text is meant.
    struct parsed;
    [[nodiscard]] static parsed parse(std::string_view written);

    [[nodiscard]] std::string to_string() const; // as an admin would write it

    // takes_every_name: it is one of the usual ways to write that, such as "/.*/".
    [[nodiscard]] bool takes_every_name() const noexcept;

    friend bool operator==(const pattern&, const pattern&) = default;
};

struct pattern::parsed {
    std::optional<pattern> value;
    std::string problem;
};

} // namespace snipass::route
