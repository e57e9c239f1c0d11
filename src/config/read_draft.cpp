// SPDX-License-Identifier: BSL-1.0
// The file's root: which tables there are.
#include "draft.hpp"
#include "snipass/config/nearest.hpp"
#include "written_number.hpp"

#include <algorithm>
#include <iterator>
#include <span>
#include <unordered_map>

namespace snipass::config {
namespace {

constexpr std::string_view root_keys[] = {"server", "log", "listener", "route",   "backend", "default",
                                          "tls",    "ech", "metrics",  "control", "include"};

// A file that is included is about sites.
constexpr std::string_view included_keys[] = {"route", "backend"};

std::string header(std::string_view key) {
    const bool many = key == "listener" || key == "route";
    if (key == "include")
        return "include = [...]";
    if (key == "backend")
        return "[backend.NAME]";
    return (many ? "[[" : "[") + std::string(key) + (many ? "]]" : "]");
}

// with_table calls read(table, position) for a key that is there once.
template <class Read>
void with_table(const member& found, findings& findings, Read&& read) {
    const auto& [key, where, node] = found;
    if (const auto* const table = std::get_if<members>(&node.value))
        return read(*table, node.where);
    const bool doubled = std::holds_alternative<elements>(node.value);
    findings.error(where, key + ": expected a table, not " + describe(node) + "; write " + header(key) +
                              (doubled ? ", once and with single brackets" : ""));
}

// the_table is what a backend's name stands for: of an array of tables, which is a mistake, the first, so
// that nothing else is wrong about it.
const node& the_table(const member& backend) {
    const auto* const several = std::get_if<elements>(&backend.value.value);
    const bool any = several && !several->empty() && std::holds_alternative<members>(several->front().value);
    return any ? several->front() : backend.value;
}

// has_names: [route.app], written as a backend is.
bool has_names(const members& table) {
    return !table.empty() && std::ranges::all_of(table, [](const member& one) {
        return std::holds_alternative<members>(the_table(one).value);
    });
}

// with_tables keeps in `into` what read(table, position, findings) makes of a key that may be there several
// times.
template <class Drafts, class Read>
void with_tables(const member& found, Drafts& into, findings& findings, Read&& read) {
    const auto& [key, where, node] = found;
    if (const auto* const table = std::get_if<members>(&node.value)) {
        if (has_names(*table)) {
            for (const auto& one : *table) {
                const auto& only = the_table(one);
                findings.error(one.where,
                               key + "." + one.key + ": a " + key + " has no name; write " + header(key));
                into.push_back(read(std::get<members>(only.value), only.where, findings));
            }
            return;
        }
        findings.error(where, key + ": there may be several; write " + header(key) + " with double brackets");
        return into.push_back(read(*table, node.where, findings));
    }
    const auto* const array = std::get_if<elements>(&node.value);
    if (!array)
        return findings.error(where,
                              key + ": expected tables, not " + describe(node) + "; write " + header(key));
    into.reserve(into.size() + array->size()); // a hundred thousand would be moved seventeen times
    for (const auto& element : *array) {
        const auto* const table = std::get_if<members>(&element.value);
        if (table)
            into.push_back(read(*table, element.where, findings));
        else
            findings.error(element.where,
                           key + ": expected a table, not " + describe(element) + "; write " + header(key));
    }
}

void read_backends(const members& table, draft& into, findings& findings) {
    into.backends.reserve(into.backends.size() + table.size());
    for (const auto& found : table) {
        const auto& [name, where, node] = found;
        const auto& only = the_table(found);
        if (&only != &node)
            findings.error(where, "backend." + name + ": a name is one backend's; write [backend." + name +
                                      "], with single brackets");
        if (const auto* const backend = std::get_if<members>(&only.value))
            into.backends.push_back(read_backend(*backend, name, only.where, findings));
        else
            findings.error(where, "backend." + name + ": expected a table, not " + describe(node) +
                                      "; write [backend.NAME] above it");
    }
}

// Without their tables all references to backends would be wrong as well.
void read_nameless_backends(const member& found, draft& into, findings& findings) {
    findings.error(found.where,
                   "backend: each has a name of its own; write [backend.NAME], with single brackets");
    into.backends_are_unknown = true;
}

void report_unknown(const member& found, std::span<const std::string_view> keys, findings& findings) {
    const auto near = nearest(found.key, {keys.begin(), keys.end()});
    std::string all;
    for (const auto key : keys)
        all += (all.empty() ? "" : ", ") + header(key);
    findings.error(found.where,
                   found.key + ": unknown; " + (near ? "write " + header(*near) : "known here: " + all));
}

void read_root_key(const member& found, draft& into, findings& findings) {
    const auto& key = found.key;
    if (key == "server")
        with_table(found, findings, [&](const members& table, position where) {
            into.server = read_server(table, where, findings);
        });
    else if (key == "log")
        with_table(found, findings,
                   [&](const members& table, position) { into.log = read_log(table, findings); });
    else if (key == "default")
        with_table(found, findings, [&](const members& table, position where) {
            into.default_backend = read_default(table, where, findings);
        });
    else if (key == "tls")
        with_table(found, findings, [&](const members& table, position where) {
            into.tls = read_tls(table, where, findings);
        });
    else if (key == "ech")
        with_table(found, findings, [&](const members& table, position where) {
            into.ech = read_ech(table, where, findings);
        });
    else if (key == "metrics")
        with_table(found, findings, [&](const members& table, position where) {
            into.metrics = read_metrics(table, where, findings);
        });
    else if (key == "control")
        with_table(found, findings, [&](const members& table, position where) {
            into.control = read_control(table, where, findings);
        });
    else if (key == "listener")
        with_tables(found, into.listeners, findings, read_listener);
    else if (key == "route")
        with_tables(found, into.routes, findings, read_route);
    else if (key == "backend" && std::holds_alternative<elements>(found.value.value))
        read_nameless_backends(found, into, findings);
    else if (key == "backend")
        with_table(found, findings,
                   [&](const members& table, position) { read_backends(table, into, findings); });
    else if (key != "include") // it was read before
        report_unknown(found, root_keys, findings);
}

// reader_of_included adds what included files have to the draft.
class reader_of_included {
  public:
    reader_of_included(draft& into, findings& findings) : into_(into), findings_(findings) {
        for (const auto& one : into.backends)
            places_.emplace(one.settings.name, one.settings.where);
    }

    void read(members& root) {
        for (auto& found : root) {
            if (found.key == "backend")
                drop_known(found);
            if (std::ranges::find(included_keys, found.key) != std::end(included_keys))
                read_root_key(found, into_, findings_);
            else if (std::ranges::find(root_keys, found.key) != std::end(root_keys))
                findings_.error(found.where, found.key + ": " + why_not_here(found.key));
            else
                report_unknown(found, included_keys, findings_);
            into_.has_route = into_.has_route || found.key == "route";
        }
    }

  private:
    static std::string why_not_here(std::string_view key) {
        if (key == "include")
            return "a file that is included includes no other; write it into the file that includes this one";
        return "a file that is included has routes and backends only; write " + header(key) +
               " into the file that includes this one";
    }

    // drop_known: of two backends with one name the first is the one that counts.
    void drop_known(member& found) {
        auto* const table = std::get_if<members>(&found.value.value);
        if (table == nullptr)
            return;
        std::erase_if(*table, [&](const member& one) {
            const auto [first, is_new] = places_.emplace(one.key, one.where);
            if (!is_new)
                findings_.error(one.where, "backend." + one.key + ": there is one of this name at " +
                                               findings_.at_line(first->second, one.where) +
                                               "; write another name, or leave one of them out");
            return !is_new;
        });
    }

    draft& into_;
    findings& findings_;
    std::unordered_map<std::string, position> places_; // of backends
};

} // namespace

draft read_draft(const members& root, std::vector<members> included, findings& findings) {
    draft into;
    for (const auto& found : root) {
        into.has_listener = into.has_listener || found.key == "listener";
        into.has_route = into.has_route || found.key == "route";
        into.has_default = into.has_default || found.key == "default";
        const auto* const once = std::get_if<members>(&found.value.value);
        if (once != nullptr && found.key != "backend" && found.key != "default")
            into.tables.emplace_back(found.key, written_number(*once));
        read_root_key(found, into, findings);
    }
    reader_of_included rest{into, findings};
    for (auto& one : included) {
        rest.read(one);
        one = {}; // a million names are not held twice
    }
    return into;
}

} // namespace snipass::config
