// SPDX-License-Identifier: BSL-1.0
// table_reader: takes the keys of one table, and says what is wrong with them. Private to config.
#pragma once

#include "document.hpp"
#include "findings.hpp"
#include "values.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace snipass::config {

// Every key is taken by its name once; finish() then reports the keys that nobody asked for, with the nearest
// of those that were. A value that is not accepted is reported and leaves what it would have replaced.
class table_reader {
  public:
    // name stands before each key in a message: "server", "backend.blog".
    table_reader(const members& table, std::string name, findings& findings)
        : table_(table), name_(std::move(name)), findings_(findings) {
        known_.reserve(most_keys);
    }

    // take is the key and its value; null: not there.
    [[nodiscard]] const member* take(std::string_view key);

    // read gives the value to parse (const node& -> written<T>) and keeps what it accepts. False: not there.
    template <class T, class Parse>
    bool read(std::string_view key, T& into, Parse&& parse) {
        const auto* const found = take(key);
        if (!found)
            return false;
        if (auto value = check(key, found->value, parse(found->value)))
            into = T(std::move(*value));
        return true;
    }

    // read_each does so for the elements of an array, and passes each that is accepted on to keep, with its
    // position. False: not there. lone: a single string may stand for an array of one.
    enum class lone_string {
        refused,
        accepted
    };
    template <class Parse, class Keep>
    bool read_each(std::string_view key, lone_string lone, Parse&& parse, Keep&& keep) {
        const auto* const found = take(key);
        if (!found)
            return false;
        for (const auto& element : elements_of(key, found->value, lone))
            if (auto value = check(key, element, parse(element)))
                keep(std::move(*value), element.where);
        return true;
    }

    // reject reports the key if it is there, because of what else is. It is not among what is known here.
    void reject(std::string_view key, std::string_view why);

    void error(position where, std::string_view key, std::string_view problem);
    // finish: where it is not clear what an unknown key was meant to be, `likely` are proposed, or all that
    // are known.
    void finish(std::span<const std::string_view> likely = {});
    // is_meant, after finish(): an unknown key was answered with this one, so it is not also said to be
    // missing.
    [[nodiscard]] bool is_meant(std::string_view key) const;

  private:
    [[nodiscard]] std::optional<std::string_view> meant_by(std::string_view key) const;
    // A view of the array's elements, or of the lone string.
    [[nodiscard]] std::span<const node> elements_of(std::string_view key, const node& value,
                                                    lone_string lone);

    template <class T>
    std::optional<T> check(std::string_view key, const node& value, written<T> parsed) {
        if (!parsed.value)
            error(value.where, key, parsed.problem);
        return std::move(parsed.value);
    }

    static constexpr std::size_t most_keys = 24; // of a table; a route's would grow three times

    const members& table_;
    std::string name_;
    findings& findings_;
    std::vector<std::string_view> known_;
    std::vector<std::string_view> rejected_;
    std::vector<std::string_view> meant_;
};

} // namespace snipass::config
