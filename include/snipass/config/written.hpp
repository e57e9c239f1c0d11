// SPDX-License-Identifier: BSL-1.0
// written: what became of something an admin wrote.
#pragma once

#include "snipass/base/quoted.hpp"

#include <optional>
#include <string>
#include <utility>

namespace snipass::config {

// written<T> is a value, or what is wrong with the text and what to write instead, as a phrase for a
// diagnostic.
template <class T>
struct written {
    std::optional<T> value;
    std::string problem;

    written(T accepted) : value(std::move(accepted)) {}

    [[nodiscard]] static written refused(std::string problem) {
        return written{refusal{}, std::move(problem)};
    }

  private:
    struct refusal {};
    written(refusal, std::string text) : problem(std::move(text)) {}
};

} // namespace snipass::config
