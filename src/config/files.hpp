// SPDX-License-Identifier: BSL-1.0
// Files of a configuration on their way into memory. Private to config; load() alone reads any.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace snipass::config {

// file_problem: why a file, or a folder, cannot be read. Empty text: it can.
struct file_problem {
    std::string text{};
    bool is_shortage = false; // the machine's, of descriptors or memory
    bool is_denied = false;   // whoever asks may not
};

// read_file reads a regular file of at most so many bytes, and nothing that might never end.
struct file_text {
    std::string text{};
    file_problem problem{};
};
[[nodiscard]] file_text read_file(const std::string& name, std::size_t most);

// find_files is what there is of a pattern with "*", "?" or "[": the names in the order of their bytes. A
// folder that is not there has none. has_wildcards: it is such a pattern.
struct found_files {
    std::vector<std::string> names{};
    file_problem problem{};
};
[[nodiscard]] found_files find_files(const std::string& pattern);
[[nodiscard]] bool has_wildcards(const std::string& pattern);

// beside is a path as the file `from` says it: relative to its own folder.
[[nodiscard]] std::string beside(const std::string& from, const std::string& path);

// fixed_folder_of is the folder in which all that is found of a pattern is, be it deeper down.
[[nodiscard]] std::string fixed_folder_of(const std::string& pattern);

[[nodiscard]] bool is_directory(const std::string& name);

// is_empty: nothing is in the folder, as far as anybody may see.
[[nodiscard]] bool is_empty(const std::string& folder);

// are_the_same: two names of one file.
[[nodiscard]] bool are_the_same(const std::string& a, const std::string& b);

// is_gone: there is nothing of this name, not even a link that leads nowhere.
[[nodiscard]] bool is_gone(const std::string& name);

} // namespace snipass::config
