// SPDX-License-Identifier: BSL-1.0
// The files that a file has besides.
#include "include.hpp"

#include "files.hpp"
#include "values.hpp"

#include "snipass/config/limits.hpp"

#include <algorithm>
#include <unordered_set>
#include <utility>

namespace snipass::config {
namespace {

// stamp says of all that was read from one file which it was.
void stamp(members& all, std::uint32_t file);

void stamp(node& one, std::uint32_t file) {
    one.where.file = file;
    if (auto* const list = std::get_if<elements>(&one.value))
        for (auto& element : *list)
            stamp(element, file);
    else if (auto* const table = std::get_if<members>(&one.value))
        stamp(*table, file);
}

void stamp(members& all, std::uint32_t file) {
    for (auto& one : all) {
        one.where.file = file;
        stamp(one.value, file);
    }
}

class includer {
  public:
    includer(const std::string& file, findings& findings) : file_(file), findings_(findings) {}

    void take(const node& pattern);
    [[nodiscard]] included finish() { return std::move(made_); }

  private:
    void complain(position where, const std::string& what, const file_problem& problem);
    void take_file(const std::string& name, position where, bool was_found);
    void warn_of_nothing(const std::string& pattern, position where);

    const std::string& file_;
    findings& findings_;
    included made_;
    std::unordered_set<std::string> known_;
    bool is_full_ = false;
    std::size_t bytes_ = 0;
};

void includer::complain(position where, const std::string& what, const file_problem& problem) {
    const auto text = "include: " + what + " cannot be read: " + problem.text;
    problem.is_shortage ? findings_.shortage(where, text) : findings_.error(where, text);
    if (problem.is_denied)
        made_.denied.push_back(what);
}

void includer::take(const node& pattern) {
    const auto read = as_string(pattern, "the name of a file", "routes.d/*.toml");
    if (!read.value || read.value->empty() || read.value->find('\0') != std::string::npos)
        return findings_.error(pattern.where,
                               "include: " + (read.value ? "this is no name of a file; write one such as "
                                                           "\"routes.d/*.toml\""
                                                         : read.problem));
    const auto path = beside(file_, *read.value);
    made_.folders.push_back(fixed_folder_of(path));
    if (!has_wildcards(path))
        return take_file(path, pattern.where, false);
    const auto found = find_files(path);
    if (!found.problem.text.empty())
        return complain(pattern.where, path, found.problem);
    if (found.names.empty())
        warn_of_nothing(path, pattern.where);
    for (const auto& name : found.names)
        take_file(name, pattern.where, true);
}

// warn_of_nothing: an empty folder waits for its files; one that is not there, or has others, is a mistake.
void includer::warn_of_nothing(const std::string& pattern, position where) {
    const auto& folder = made_.folders.back();
    if (!is_directory(folder))
        findings_.warning(where, "include: no file is read: there is no folder " + folder);
    else if (!is_empty(folder))
        findings_.warning(where, "include: no file is read: of those in " + folder + " none is called like " +
                                     in_quotes(pattern));
}

// take_file: what a pattern has found may be the file itself, one that another pattern had, or gone by now.
void includer::take_file(const std::string& name, position where, bool was_found) {
    if (are_the_same(name, file_)) {
        if (!was_found)
            findings_.error(where, "include: " + name + " is this file itself; leave it out");
        return;
    }
    if (known_.contains(name))
        return;
    if (made_.names.size() == limits::included_files) {
        if (!std::exchange(is_full_, true)) // and not for each of those that are too many
            findings_.error(where, "include: more than " + std::to_string(limits::included_files) +
                                       " files; write several routes into one");
        return;
    }
    known_.insert(name);
    auto read = read_file(name, limits::file_size - bytes_);
    if (!read.problem.text.empty() && was_found && is_gone(name))
        return;
    if (!read.problem.text.empty())
        return complain(where, name, read.problem);
    made_.names.push_back(name);
    const auto number = static_cast<std::uint32_t>(made_.names.size());
    findings_.name_file(number, name);
    bytes_ += read.text.size();
    auto document = read_document(read.text);
    for (auto& one : document.diagnostics) {
        one.where.file = number;
        findings_.error(one.where, one.message);
    }
    stamp(document.root, number);
    made_.roots.push_back(std::move(document.root));
}

} // namespace

included read_included(const members& root, const std::string& file, findings& findings) {
    includer all{file, findings};
    const auto found = std::ranges::find(root, "include", &member::key);
    if (found == root.end())
        return all.finish();
    const auto* const several = std::get_if<elements>(&found->value.value);
    if (several == nullptr)
        all.take(found->value); // a single string will do
    else
        for (const auto& one : *several)
            all.take(one);
    return all.finish();
}

} // namespace snipass::config
