// SPDX-License-Identifier: BSL-1.0
// table: from a host name to a route. Built once from the configuration, immutable from then on, shared by
// all workers.
#pragma once

#include "snipass/base/alpn_list.hpp"
#include "snipass/base/host_name.hpp"
#include "snipass/base/ip_address.hpp"
#include "snipass/route/path_pattern.hpp"
#include "snipass/route/pattern.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace snipass::route {

// rule is one [[route]]: any of its names, and every other condition that is given. Within one condition any
// of its values will do; an empty list is no condition. A rule has names or another condition, or both.
struct rule {
    std::vector<pattern> names;
    std::vector<std::string> alpn;
    std::vector<ip_prefix> source;
    std::vector<path_pattern> paths{};
    std::vector<std::string> methods{};

    // is_for_http: it asks for what only a client that speaks HTTP in clear says.
    [[nodiscard]] bool is_for_http() const noexcept { return !paths.empty() || !methods.empty(); }

    // has_conditions: besides the names.
    [[nodiscard]] bool has_conditions() const noexcept {
        return !alpn.empty() || !source.empty() || is_for_http();
    }
};

// What a client says that speaks HTTP in clear.
struct request_facts {
    std::string_view method;
    std::string_view path;  // normalised; empty: the target has none
    bool is_unsafe = false; // it has one without a normal form, which servers may read differently
};

// What is known of a client besides its host name.
struct client_facts {
    ip_address source;
    alpn_list alpn;
    const request_facts* request = nullptr; // null: of one that speaks TLS
};

struct match {
    std::size_t rule = 0; // index into the rules the table was built from
    pattern_kind kind = pattern_kind::exact;
    std::string_view pattern; // the pattern's text; points into the table
    bool is_decided = true;   // false: it asks for some paths, and nobody can say whether the client's is one
};

// table answers which rule wins: rules without names in file order, then exact name, then the longest
// wildcard, then regexes in file order; among rules with the same name the first whose other conditions hold;
// if none holds, the next less specific name. A path without a normal form ends that where a rule would have
// to compare it.
//
// find costs a test of each rule without names, a walk over the name and one hash look-up for the name and
// for each number of labels that wildcards have, however many names there are, and allocates nothing; only a
// name that comes as far as the regexes pays RE2 and a vector. A name takes 16 to 43 bytes here besides its
// own, and nothing else grows with the number of names.
class table {
  public:
    table(); // matches nothing
    // Every pattern must have been made by pattern::parse.
    explicit table(const std::vector<rule>& rules);
    table(table&&) noexcept;
    table& operator=(table&&) noexcept;
    ~table();

    // Without a name: of a client that sends none, or none that is a host name. Only rules without names have
    // it.
    [[nodiscard]] std::optional<match> find(const host_name& name, const client_facts& client) const;
    [[nodiscard]] std::optional<match> find(const client_facts& client) const;

    // knows: a rule has the name, whatever its other conditions are.
    [[nodiscard]] bool knows(const host_name& name) const;

    // candidate is a pattern that matches the name, or none, and which of its rule's other conditions hold.
    struct candidate {
        std::size_t rule;
        pattern_kind kind;
        std::string pattern;
        bool alpn_holds;
        bool source_holds;
        bool path_holds; // or may
        bool method_holds;
        bool is_decided; // match

        [[nodiscard]] bool holds() const noexcept {
            return alpn_holds && source_holds && path_holds && method_holds;
        }
    };
    // candidates are all of them in the order of precedence, for `snipass explain`: find() takes the first
    // whose conditions hold.
    [[nodiscard]] std::vector<candidate> candidates(const host_name& name, const client_facts& client) const;
    [[nodiscard]] std::vector<candidate> candidates(const client_facts& client) const;

    // size is the number of different names, and of regexes.
    [[nodiscard]] std::size_t size() const noexcept;

  private:
    struct impl;
    // Null: there is no name.
    [[nodiscard]] std::optional<match> find(const host_name* name, const client_facts& client) const;
    [[nodiscard]] std::vector<candidate> candidates(const host_name* name, const client_facts& client) const;

    std::unique_ptr<const impl> impl_;
};

} // namespace snipass::route
