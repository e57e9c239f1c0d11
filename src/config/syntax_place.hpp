// SPDX-License-Identifier: BSL-1.0
// Where a TOML reader stopped: its line, and what is open there. Private to config.
#pragma once

#include "snipass/config/configuration.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace snipass::config {

// trimmed is the text without blanks at both ends.
[[nodiscard]] std::string_view trimmed(std::string_view text);

// header is the name in a table's header, and how many brackets stand in front: "[[ route ]]" is "route" and
// 2.
struct header {
    std::string_view name;
    std::size_t brackets = 0;
};
[[nodiscard]] header header_of(std::string_view line);

// begins_a_key, begins_a_table: the line looks like "KEY = ..." or "[NAME]", which stand in no array.
[[nodiscard]] bool begins_a_key(std::string_view line);
[[nodiscard]] bool begins_a_table(std::string_view line);

// opening_quote is the byte in which a string opens that the line does not close; nullopt: nowhere.
[[nodiscard]] std::optional<std::size_t> opening_quote(std::string_view line);

// bracket is a [ of an array or a { of a table that is open.
struct bracket {
    char kind;
    position where;
};

// syntax_place is a file, what its reader said, and the position at which it stopped.
class syntax_place {
  public:
    syntax_place(std::string_view text, std::string_view said, position where);

    [[nodiscard]] position where() const { return where_; }
    // The lines count from 1; one that there is not is empty.
    [[nodiscard]] std::string_view line(std::size_t number) const;
    [[nodiscard]] std::string_view line() const { return line(where_.line); }
    // before and rest are the line up to the position, and from it on.
    [[nodiscard]] std::string_view before() const { return line().substr(0, byte()); }
    [[nodiscard]] std::string_view rest() const { return line().substr(byte()); }
    // at is the position of a byte of the line: columns count characters.
    [[nodiscard]] position at(std::size_t byte) const;

    [[nodiscard]] bool says(std::string_view words) const { return said_.find(words) != said_.npos; }
    // reads_a: what the reader was reading, in its words ("array", "table header").
    [[nodiscard]] bool reads_a(std::string_view what) const { return reading_ == what; }
    [[nodiscard]] bool is_at_end() const { return says("end-of-file") || says("saw EOF"); }

    // The brackets that are open, the outermost first.
    [[nodiscard]] const std::vector<bracket>& open() const { return open_; }
    [[nodiscard]] bool is_in(char kind) const { return !open_.empty() && open_.back().kind == kind; }

  private:
    [[nodiscard]] std::size_t byte() const;

    std::vector<std::string_view> lines_;
    std::string_view said_;
    std::string_view reading_;
    position where_;
    std::vector<bracket> open_;
};

} // namespace snipass::config
