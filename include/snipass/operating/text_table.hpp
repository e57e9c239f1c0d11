// SPDX-License-Identifier: BSL-1.0
// text_table: columns on a terminal.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace snipass::server {

enum class colour {
    plain,
    faint,
    good, // green
    odd,  // yellow
    bad,  // red
};

// paint puts a terminal's colours around text, or does not.
[[nodiscard]] std::string paint(std::string_view text, colour with, bool in_colour);

// in_bytes and in_time are what people read: "1.2 MiB", "3d 4h".
[[nodiscard]] std::string in_bytes(std::uint64_t bytes);
[[nodiscard]] std::string in_time(std::uint64_t seconds);

// text_table makes every column as wide as its widest cell. A column whose head begins with ">" stands to the
// right. What is a stranger's must be escaped already.
class text_table {
  public:
    struct cell {
        std::string text;
        colour as = colour::plain;

        cell(std::string what, colour with = colour::plain) : text(std::move(what)), as(with) {}
        cell(const char* what) : text(what) {}
        cell(std::uint64_t number) : text(std::to_string(number)) {}
    };

    text_table(std::vector<std::string> heads, bool in_colour);

    // row: no more cells than heads.
    void row(std::vector<cell> cells) { rows_.push_back(std::move(cells)); }
    [[nodiscard]] bool is_empty() const noexcept { return rows_.empty(); }

    // to_string is its lines, the heads first.
    [[nodiscard]] std::string to_string() const;

  private:
    std::vector<std::string> heads_;
    std::vector<bool> to_the_right_;
    bool in_colour_;
    std::vector<std::vector<cell>> rows_;
};

} // namespace snipass::server
