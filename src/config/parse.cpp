// SPDX-License-Identifier: BSL-1.0
// From text to configuration in three steps: the TOML tree (toml.cpp), a draft read table by table
// (read_*.cpp), the parts held against each other (check_listeners, resolve_references, warnings). Each step
// goes on after a mistake, so that one run finds them all.
#include "snipass/config/parse.hpp"

#include "document.hpp"
#include "draft.hpp"
#include "files.hpp"
#include "findings.hpp"
#include "include.hpp"
#include "users.hpp"

#include "snipass/config/limits.hpp"

#include <algorithm>

namespace snipass::config {
namespace {

std::string at(std::string_view file, position where) {
    std::string text{file};
    if (where.line != 0)
        text += ":" + std::to_string(where.line) + ":" + std::to_string(where.column);
    return text;
}

// terminated_names: what a regular expression may match, nobody can list.
std::vector<terminated_name> terminated_names(const draft& draft, const std::vector<route::rule>& rules) {
    std::vector<terminated_name> names;
    for (std::size_t i = 0; i < rules.size(); ++i) {
        if (!draft.backends[draft.routes[i].backend_index].settings.termination)
            continue;
        for (std::size_t k = 0; k < rules[i].names.size(); ++k)
            if (rules[i].names[k].kind != route::pattern_kind::regex)
                names.push_back({rules[i].names[k], draft.routes[i].name_positions[k]});
    }
    return names;
}

// in_lines are so many of the names.
std::string in_lines(const std::vector<route::pattern>& names, std::size_t most) {
    std::string lines;
    for (std::size_t i = 0; i < std::min(names.size(), most); ++i)
        lines += (i == 0 ? "" : "\n") + names[i].to_string();
    return lines;
}

// assemble moves the draft's parts where they belong.
configuration assemble(draft& draft, std::vector<route::rule> rules, std::string_view file, part which) {
    configuration made;
    made.ech = std::move(draft.ech);
    if (draft.tls) {
        made.tls = std::move(draft.tls->settings);
        made.tls->names = terminated_names(draft, rules);
    }
    made.metrics = std::move(draft.metrics);
    made.control = draft.control;
    made.tables = std::move(draft.tables);
    if (made.metrics && made.metrics->routes)
        made.metrics->route_names = name_routes(rules);
    made.file = std::string(file);
    made.server = draft.server;
    made.log = draft.log;
    for (auto& listener : draft.listeners)
        made.listeners.push_back(std::move(listener.settings));
    for (auto& backend : draft.backends)
        made.backends.push_back(std::move(backend.settings));
    made.default_backend = draft.default_index;
    made.table = route::table{rules};
    made.routes.reserve(rules.size());
    for (std::size_t i = 0; i < rules.size(); ++i)
        made.routes.push_back({rules[i].names.size(), std::move(rules[i].alpn), std::move(rules[i].source),
                               draft.routes[i].backend_index, draft.routes[i].where,
                               std::move(rules[i].paths), std::move(rules[i].methods),
                               in_lines(rules[i].names, which == part::whole ? rules[i].names.size() : 1),
                               draft.routes[i].written});
    return made;
}

std::vector<route::rule> take_rules(draft& draft) {
    std::vector<route::rule> rules;
    rules.reserve(draft.routes.size());
    for (auto& route : draft.routes)
        rules.push_back(std::move(route.rule));
    return rules;
}

// check_log: what is written to the log would stand in a file that is read, or nowhere.
void check_log(const log_settings& log, const std::string& file, const std::vector<std::string>& included,
               findings& findings) {
    const auto is_it = [&](const std::string& name) { return are_the_same(name, log.file); };
    if (is_directory(log.file))
        findings.error(log.file_where, "log.file: " + in_quotes(log.file) +
                                           " is a directory; write the name of a file in it, such as " +
                                           in_quotes(log.file + "/access.log"));
    if (!log.file.empty() && (is_it(file) || std::ranges::any_of(included, is_it)))
        findings.error(log.file_where, "log.file: " + in_quotes(log.file) +
                                           " is a file of this configuration; write another");
}

// read: find_user is null where the text alone is asked for.
parsed read(std::string_view text, std::string_view file, const user_finder* find_user, part which) {
    findings findings{file};
    auto document = read_document(text);
    for (const auto& one : document.diagnostics)
        findings.error(one.where, one.message);
    if (!document.diagnostics.empty())
        return {nullptr, findings.take(), true};

    included included;
    if (find_user != nullptr) {
        included = read_included(document.root, std::string{file}, findings);
        if (findings.has_errors()) {
            config::findings unheard{file};
            auto control = read_draft(document.root, {}, unheard).control;
            return {nullptr, findings.take(), true, std::move(control), std::move(included.denied)};
        }
    }
    auto draft = read_draft(document.root, std::move(included.roots), findings);
    document.root = {};
    if (find_user != nullptr) {
        resolve_users(draft, *find_user, which, findings);
        check_log(draft.log, std::string{file}, included.names, findings);
    }
    check_listeners(draft, findings);
    check_termination(draft, findings);
    check_ech(draft, findings);
    const bool complete = resolve_references(draft, findings);
    auto rules = take_rules(draft);
    warn_of_shadowed_names(draft, rules, findings);
    // With a name that could not be resolved, or without one, it is not known what is unused.
    if (complete) {
        warn_of_backends(draft, findings);
        check_http(draft, rules, findings);
    }
    std::shared_ptr<configuration> made;
    if (!findings.has_errors())
        made = std::make_shared<configuration>(assemble(draft, std::move(rules), file, which));
    if (made) {
        made->included = std::move(included.names);
        made->include_folders = std::move(included.folders);
        keep(*made, which);
    }
    return {std::move(made), findings.take(), true, std::move(draft.control)};
}

} // namespace

std::string diagnostic::to_string(std::string_view file) const {
    // Who may write a file that is included, or a certificate, chooses its name.
    return on_one_line(at(included.empty() ? file : included, where) +
                       (level == severity::error ? ": error: " : ": warning: ") + message);
}

bool parsed::is_mistaken() const noexcept {
    return std::ranges::any_of(
        diagnostics, [](const diagnostic& one) { return one.level == severity::error && !one.is_shortage; });
}

parsed parse(std::string_view text, std::string_view file) {
    return read(text, file, nullptr, part::whole);
}

parsed load(const std::string& file, const user_finder& find_user, part which) {
    const auto text = read_file(file, limits::file_size);
    if (const auto& problem = text.problem; !problem.text.empty())
        return {
            nullptr, {{severity::error, {}, "cannot be read: " + problem.text, problem.is_shortage}}, false};
    return read(text.text, file, &find_user, which);
}

void name_files(std::vector<diagnostic>& all, const configuration& of) {
    for (auto& one : all)
        if (one.where.file != 0)
            one.included = of.file_of(one.where);
}

} // namespace snipass::config
