// SPDX-License-Identifier: BSL-1.0
// From one TOML value to one of ours, or to what is wrong with it. Private to config.
#pragma once

#include "document.hpp"
#include "snipass/base/ip_address.hpp"
#include "snipass/config/configuration.hpp"
#include "snipass/config/nearest.hpp"
#include "snipass/config/written.hpp"

#include <chrono>
#include <cstddef>
#include <span>
#include <utility>

namespace snipass::config {

[[nodiscard]] written<bool> as_boolean(const node& node);
[[nodiscard]] written<std::size_t> as_integer(const node& node, std::size_t least, std::size_t most);
[[nodiscard]] written<std::chrono::milliseconds> as_duration(const node& node,
                                                             std::chrono::milliseconds least);
[[nodiscard]] written<std::size_t> as_size(const node& node, std::size_t least, std::size_t most);

// as_string takes any string; `example` is what to write where there is none.
[[nodiscard]] written<std::string> as_string(const node& node, std::string_view what,
                                             std::string_view example);

// as_prefix takes a network, as in CIDR notation, or one address.
[[nodiscard]] written<ip_prefix> as_prefix(const node& node);

// as_alpn takes the name of a protocol, as ALPN has it.
[[nodiscard]] written<std::string> as_alpn(const node& node);

// as_user takes a user's name or number, with quotes or without; which user a name is, load() asks the
// machine.
[[nodiscard]] written<allowed_user> as_user(const node& node);

// choice is a word and what it stands for.
template <class T>
struct choice {
    std::string_view word;
    T value;
};

// as_choice takes one of the words.
template <class T>
written<T> as_choice(const node& node, std::span<const choice<T>> choices) {
    std::vector<std::string_view> words;
    for (const auto& choice : choices)
        words.push_back(choice.word);
    const auto* const text = std::get_if<std::string>(&node.value);
    if (!text)
        return written<T>::refused("expected a word in quotes, not " + describe(node) + "; " +
                                   propose({}, words));
    for (const auto& choice : choices)
        if (choice.word == *text)
            return choice.value;
    return written<T>::refused("no " + in_quotes(*text) + " here; " + propose(*text, words));
}

} // namespace snipass::config
