// SPDX-License-Identifier: BSL-1.0
// A look at the text around a syntax error. The reader has read all of it up to there, so a few rules of TOML
// are enough.
#include "syntax_place.hpp"

#include <algorithm>
#include <utility>

namespace snipass::config {
namespace {

constexpr std::string_view blanks = " \t\r";

bool is_in_a_key(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
}

bool continues_a_character(char c) {
    return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U;
}

std::string_view from_key_on(std::string_view text) {
    return text.substr(static_cast<std::size_t>(std::ranges::find_if_not(text, is_in_a_key) - text.begin()));
}

// lines are the text's, cut into pieces once.
std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        lines.push_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
}

// between is the part of a text that stands behind `first` and before `last`.
std::string_view between(std::string_view text, std::string_view first, std::string_view last) {
    const auto begin = text.find(first);
    if (begin == text.npos)
        return {};
    text.remove_prefix(begin + first.size());
    return text.substr(0, text.find(last));
}

// bracket_finder goes through a text and keeps what is open.
class bracket_finder {
  public:
    // pass takes a line up to its end, or to where the reader stopped.
    void pass(std::string_view line, std::uint32_t number) {
        if (quotes_.empty() && open_.empty() && trimmed(line).starts_with('['))
            return; // a header
        std::uint32_t column = 0;
        for (std::size_t i = 0; i < line.size(); ++i) {
            column += continues_a_character(line[i]) ? 0 : 1;
            if (quotes_.empty() && line[i] == '#')
                break;
            const auto taken = quotes_.empty() ? open_or_close(line.substr(i), {number, column})
                                               : end_string(line.substr(i));
            column += static_cast<std::uint32_t>(taken - 1);
            i += taken - 1;
        }
        if (quotes_.size() == 1)
            quotes_ = {}; // it ends with its line
    }

    [[nodiscard]] std::vector<bracket> take() { return std::move(open_); }

  private:
    // Both: how many bytes that was.
    std::size_t open_or_close(std::string_view text, position where) {
        const char c = text.front();
        if (c == '"' || c == '\'') {
            const bool three = text.size() > 2 && text[1] == c && text[2] == c;
            quotes_ = text.substr(0, three ? 3 : 1);
            return quotes_.size();
        }
        if (c == '[' || c == '{')
            open_.push_back({c, where});
        else if ((c == ']' || c == '}') && !open_.empty())
            open_.pop_back();
        return 1;
    }
    std::size_t end_string(std::string_view text) {
        if (text.front() == '\\' && quotes_.front() == '"')
            return std::min<std::size_t>(text.size(), 2);
        if (!text.starts_with(quotes_))
            return 1;
        const auto taken = quotes_.size();
        quotes_ = {};
        return taken;
    }

    std::vector<bracket> open_;
    std::string_view quotes_; // of the string that is open
};

} // namespace

std::string_view trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(blanks);
    return first == text.npos ? std::string_view{}
                              : text.substr(first, text.find_last_not_of(blanks) + 1 - first);
}

header header_of(std::string_view line) {
    auto text = trimmed(line);
    header found;
    while (text.starts_with('[')) {
        text = trimmed(text.substr(1));
        ++found.brackets;
    }
    found.brackets = std::min<std::size_t>(found.brackets, 2);
    found.name = trimmed(text.substr(0, text.find_first_of("]#\r\n")));
    return found;
}

bool begins_a_key(std::string_view line) {
    const auto text = trimmed(line);
    const auto rest = from_key_on(text);
    return rest.size() < text.size() && trimmed(rest).starts_with('=');
}

bool begins_a_table(std::string_view line) {
    const auto [name, brackets] = header_of(line);
    return brackets > 0 && !name.empty() && from_key_on(name).empty();
}

std::optional<std::size_t> opening_quote(std::string_view line) {
    char open = 0;
    std::size_t where = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
        const char c = line[i];
        if (open == '"' && c == '\\')
            ++i;
        else if (open == 0 && c == '#')
            break;
        else if (open == 0 && (c == '"' || c == '\''))
            open = c, where = i;
        else if (c == open)
            open = 0;
    }
    return open == 0 ? std::nullopt : std::optional{where};
}

syntax_place::syntax_place(std::string_view text, std::string_view said, position where)
    : lines_(lines_of(text)), said_(said), reading_(between(said, "while parsing ", ":")), where_(where) {
    bracket_finder finder;
    for (std::uint32_t number = 1; number < where.line && number <= lines_.size(); ++number)
        finder.pass(lines_[number - 1], number);
    finder.pass(before(), where.line);
    open_ = finder.take();
}

std::string_view syntax_place::line(std::size_t number) const {
    return number >= 1 && number <= lines_.size() ? lines_[number - 1] : std::string_view{};
}

// byte is the position's in its line. A reader may be past the end.
std::size_t syntax_place::byte() const {
    const auto text = line();
    std::size_t byte = 0;
    for (auto column = where_.column; column > 1 && byte < text.size(); --column)
        for (++byte; byte < text.size() && continues_a_character(text[byte]);)
            ++byte;
    return byte;
}

position syntax_place::at(std::size_t byte) const {
    const auto text = line().substr(0, byte);
    return {where_.line, static_cast<std::uint32_t>(1 + std::ranges::count_if(text, [](char c) {
                                                        return !continues_a_character(c);
                                                    }))};
}

} // namespace snipass::config
