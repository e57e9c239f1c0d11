// SPDX-License-Identifier: BSL-1.0
// Which rule wins a host name. The candidates come in the order of precedence (rules without names as in the
// file, exact name, wildcards from the longest, regexes as in the file); the first whose conditions hold is
// the answer.
#include "snipass/route/table.hpp"

#include "name_index.hpp"
#include "snipass/route/regex_set.hpp"
#include "snipass/route/source_set.hpp"

#include <algorithm>
#include <array>
#include <bitset>

namespace snipass::route {
namespace {

constexpr std::size_t max_labels = (host_name::max_size + 1) / 2;

// What a rule asks for besides the name.
struct conditions {
    std::vector<std::string> alpn;
    std::optional<source_set> source;
    std::vector<path_pattern> paths;
    std::vector<std::string> methods;
    bool compares_paths = false; // it asks for some, and not for others

    [[nodiscard]] bool alpn_holds(const client_facts& client) const {
        return alpn.empty() || std::any_of(alpn.begin(), alpn.end(),
                                           [&](const auto& one) { return client.alpn.contains(one); });
    }
    [[nodiscard]] bool source_holds(const client_facts& client) const {
        return !source || source->contains(client.source);
    }
    [[nodiscard]] bool is_decided(const client_facts& client) const {
        return !compares_paths || client.request == nullptr || !client.request->is_unsafe;
    }
    [[nodiscard]] bool path_holds(const client_facts& client) const {
        return paths.empty() || !is_decided(client) ||
               (client.request != nullptr && std::any_of(paths.begin(), paths.end(), [&](const auto& one) {
                    return one.matches(client.request->path);
                }));
    }
    // Methods are case-sensitive (RFC 9110 section 9.1).
    [[nodiscard]] bool method_holds(const client_facts& client) const {
        return methods.empty() || (client.request != nullptr &&
                                   std::any_of(methods.begin(), methods.end(), [&](const auto& one) {
                                       return one == client.request->method;
                                   }));
    }
    [[nodiscard]] bool hold(const client_facts& client) const {
        return alpn_holds(client) && source_holds(client) && path_holds(client) && method_holds(client);
    }
};

std::size_t label_count(std::string_view name) {
    return 1 + static_cast<std::size_t>(std::count(name.begin(), name.end(), '.'));
}

name_index index_names(const std::vector<rule>& rules) {
    std::size_t count = 0;
    std::size_t bytes = 0;
    for (const auto& rule : rules) {
        for (const auto& pattern : rule.names) {
            if (pattern.kind == pattern_kind::regex)
                continue;
            ++count;
            bytes += pattern.text.size() + 1;
        }
    }

    name_index index{count, bytes};
    std::string dotted;
    for (auto i = rules.size(); i-- > 0;) {
        for (const auto& pattern : rules[i].names) {
            if (pattern.kind == pattern_kind::regex)
                continue;
            const bool wildcard = pattern.kind == pattern_kind::wildcard;
            if (wildcard)
                dotted.assign(1, '.').append(pattern.text);
            index.add_front(wildcard ? dotted : pattern.text, static_cast<std::uint32_t>(i));
        }
    }
    return index;
}

} // namespace

struct table::impl {
    explicit impl(const std::vector<rule>& rules);
    void add_regexes(const std::vector<rule>& rules);
    void add_conditions(const std::vector<rule>& rules);

    // visit calls `seen` with each candidate in the order of precedence, until it returns true.
    // Null: there is no name.
    template <class Visitor>
    void visit(const host_name* name, Visitor&& seen) const;
    template <class Visitor>
    void visit_named(std::string_view text, Visitor& seen) const;
    template <class Visitor>
    bool visit_names(std::string_view key, std::uint64_t hash, pattern_kind kind, Visitor& seen) const;

    // null: the rule has none.
    [[nodiscard]] const conditions* conditions_of(std::size_t rule) const {
        const auto index = condition_index[rule];
        return index == name_index::none ? nullptr : &all_conditions[index];
    }

    name_index names;
    std::bitset<max_labels + 1> wildcard_depths; // which numbers of labels occur behind the "*."
    std::optional<regex_set> regexes;
    std::vector<std::uint32_t> regex_rules;     // the rule of each regex
    std::vector<std::uint32_t> nameless;        // rules without names
    std::vector<std::uint32_t> condition_index; // a rule's index in all_conditions: most rules have none
    std::vector<conditions> all_conditions;
};

table::impl::impl(const std::vector<rule>& rules) : names(index_names(rules)) {
    for (const auto& rule : rules)
        for (const auto& pattern : rule.names)
            if (pattern.kind == pattern_kind::wildcard)
                wildcard_depths.set(label_count(pattern.text));
    add_regexes(rules);
    add_conditions(rules);
}

void table::impl::add_regexes(const std::vector<rule>& rules) {
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < rules.size(); ++i) {
        for (const auto& pattern : rules[i].names) {
            if (pattern.kind != pattern_kind::regex)
                continue;
            texts.push_back(pattern.text);
            regex_rules.push_back(static_cast<std::uint32_t>(i));
        }
    }
    if (!texts.empty())
        regexes.emplace(std::move(texts));
}

void table::impl::add_conditions(const std::vector<rule>& rules) {
    condition_index.assign(rules.size(), name_index::none);
    for (std::size_t i = 0; i < rules.size(); ++i) {
        const auto& rule = rules[i];
        if (rule.names.empty())
            nameless.push_back(static_cast<std::uint32_t>(i));
        if (!rule.has_conditions())
            continue;
        condition_index[i] = static_cast<std::uint32_t>(all_conditions.size());
        const bool compares =
            !rule.paths.empty() && std::none_of(rule.paths.begin(), rule.paths.end(),
                                                [](const auto& one) { return one.takes_every_path(); });
        auto& added = all_conditions.emplace_back(
            conditions{rule.alpn, std::nullopt, rule.paths, rule.methods, compares});
        if (!rule.source.empty())
            added.source.emplace(rule.source);
    }
}

template <class Visitor>
bool table::impl::visit_names(std::string_view key, std::uint64_t hash, pattern_kind kind,
                              Visitor& seen) const {
    const auto found = names.find(key, hash);
    const auto text = kind == pattern_kind::wildcard && found.first ? found.key.substr(1) : found.key;
    for (const auto* link = found.first; link; link = names.next(*link))
        if (seen(match{link->rule, kind, text}))
            return true;
    return false;
}

template <class Visitor>
void table::impl::visit(const host_name* name, Visitor&& seen) const {
    for (const auto rule : nameless)
        if (seen(match{rule, pattern_kind::any, {}}))
            return;
    if (name != nullptr)
        visit_named(name->text(), seen);
}

template <class Visitor>
void table::impl::visit_named(std::string_view text, Visitor& seen) const {
    // One pass from the right: at each dot the hash is that of a wildcard's key, at the end that of the whole
    // name.
    struct suffix {
        std::size_t start;
        std::uint64_t hash;
    };
    std::array<suffix, max_labels> suffixes; // only the first suffix_count are set
    std::size_t suffix_count = 0;
    std::size_t depth = 0;
    auto hash = names.hash();
    for (auto i = text.size(); i-- > 0;) {
        const char c = text.data()[i]; // which is not checked
        hash.push_front(c);
        // A name of 127 labels must not cost 126 look-ups where no wildcard is that deep.
        if (c == '.' && wildcard_depths.test(++depth))
            suffixes[suffix_count++] = {i, hash.value()};
    }

    if (visit_names(text, hash.value(), pattern_kind::exact, seen))
        return;
    while (suffix_count-- > 0) {
        const auto& [start, suffix_hash] = suffixes[suffix_count];
        if (visit_names(text.substr(start), suffix_hash, pattern_kind::wildcard, seen))
            return;
    }
    if (!regexes)
        return;
    for (const int index : regexes->matches(text))
        if (seen(match{regex_rules[static_cast<std::size_t>(index)], pattern_kind::regex,
                       regexes->text(index)}))
            return;
}

table::table() = default;
table::table(const std::vector<rule>& rules) : impl_(std::make_unique<const impl>(rules)) {}
table::table(table&&) noexcept = default;
table& table::operator=(table&&) noexcept = default;
table::~table() = default;

std::optional<match> table::find(const host_name& name, const client_facts& client) const {
    return find(&name, client);
}

std::optional<match> table::find(const client_facts& client) const {
    return find(nullptr, client);
}

std::optional<match> table::find(const host_name* name, const client_facts& client) const {
    std::optional<match> winner;
    if (!impl_)
        return winner;
    impl_->visit(name, [&](const match& one) {
        const auto* conditions = impl_->conditions_of(one.rule);
        if (conditions && !conditions->hold(client))
            return false;
        winner = one;
        winner->is_decided = !conditions || conditions->is_decided(client);
        return true;
    });
    return winner;
}

std::vector<table::candidate> table::candidates(const host_name& name, const client_facts& client) const {
    return candidates(&name, client);
}

std::vector<table::candidate> table::candidates(const client_facts& client) const {
    return candidates(nullptr, client);
}

std::vector<table::candidate> table::candidates(const host_name* name, const client_facts& client) const {
    std::vector<candidate> found;
    if (!impl_)
        return found;
    impl_->visit(name, [&](const match& one) {
        const auto* conditions = impl_->conditions_of(one.rule);
        found.push_back(
            {one.rule, one.kind, std::string(one.pattern), !conditions || conditions->alpn_holds(client),
             !conditions || conditions->source_holds(client), !conditions || conditions->path_holds(client),
             !conditions || conditions->method_holds(client), !conditions || conditions->is_decided(client)});
        return false;
    });
    return found;
}

bool table::knows(const host_name& name) const {
    bool known = false;
    const auto seen = [&](const match&) { return known = true; };
    if (impl_)
        impl_->visit_named(name.text(), seen);
    return known;
}

std::size_t table::size() const noexcept {
    if (!impl_)
        return 0;
    return impl_->names.size() + (impl_->regexes ? impl_->regexes->size() : 0);
}

} // namespace snipass::route
