// SPDX-License-Identifier: BSL-1.0
// regex_set: all regexes of a table, asked at once. Its .cpp is the only place that knows RE2.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace snipass::route {

// regex_problem is what RE2 has against an expression; nullopt: nothing.
[[nodiscard]] std::optional<std::string> regex_problem(const std::string& regex);

// regex_set matches a name against every expression in one pass. RE2 runs in time linear in the name whatever
// the expressions are; a name is at most 253 bytes.
class regex_set {
  public:
    // memory is what the automaton of all expressions may take, in bytes.
    static constexpr std::int64_t default_memory = 64 << 20;

    // Every expression is one that regex_problem has nothing against. Where `memory` does not suffice, they
    // are tried one by one: slower, and the same answer.
    explicit regex_set(std::vector<std::string> regexes, std::int64_t memory = default_memory);
    ~regex_set();

    // matches are the indexes of all expressions that match the whole name, in ascending order.
    [[nodiscard]] std::vector<int> matches(std::string_view name) const;

    [[nodiscard]] const std::string& text(int index) const { return texts_[static_cast<std::size_t>(index)]; }
    [[nodiscard]] std::size_t size() const noexcept { return texts_.size(); }

  private:
    struct impl;
    std::vector<std::string> texts_;
    std::unique_ptr<const impl> impl_;
};

} // namespace snipass::route
