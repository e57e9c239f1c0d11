// SPDX-License-Identifier: BSL-1.0
// Files of a configuration.
#include "files.hpp"

#include "findings.hpp"
#include "snipass/config/opened_file.hpp"

#include <glob.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>

namespace snipass::config {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view wildcards = "*?[";

std::string reason(int error) {
    return std::error_code(error, std::generic_category()).message();
}

file_problem problem_of(int error) {
    const bool descriptors = error == EMFILE || error == ENFILE;
    return {reason(error) + (descriptors ? "; let it have more descriptors (LimitNOFILE= of its "
                                           "unit, ulimit -n, sysctl fs.file-max)"
                                         : ""),
            is_shortage(error), error == EACCES};
}

std::string too_large(std::size_t most) {
    return "it has more than " + std::to_string(most >> 20) +
           "MiB, which no configuration needs; write the name of the configuration";
}

constexpr std::string_view no_regular_file =
    "it is no regular file, so a reload could not read it again; write its content into a file";

// why_no_file: what is no file is not opened, since a device may do something then. Empty: go on.
std::string why_no_file(const std::string& file) {
    std::error_code problem;
    const auto what = fs::status(file, problem);
    if (what.type() == fs::file_type::not_found)
        return reason(ENOENT);
    if (what.type() == fs::file_type::directory)
        return "it is a directory; write the name of a file";
    return std::string{fs::is_other(what) ? no_regular_file : ""};
}

// A folder that is not there is like an empty one. One that cannot be read is not: a reload would drop what
// is in it.
int go_on_without(const char*, int error) {
    return error == ENOENT || error == ENOTDIR ? 0 : 1;
}

} // namespace

file_text read_file(const std::string& name, std::size_t most) {
    if (auto problem = why_no_file(name); !problem.empty())
        return {{}, {std::move(problem)}};
    opened_file in{name};
    if (in.problem() == ENOTSUP)
        return {{}, {std::string{no_regular_file}}};
    std::string text;
    std::array<char, 65'536> chunk; // filled by read()
    while (in.problem() == 0 && text.size() <= most && in.size() <= most) {
        const auto n = in.read(chunk.data(), chunk.size());
        text.append(chunk.data(), n);
        if (n < chunk.size() && text.size() <= most && in.problem() == 0)
            return {std::move(text), {}};
    }
    return {{}, in.problem() != 0 ? problem_of(in.problem()) : file_problem{too_large(most)}};
}

bool has_wildcards(const std::string& pattern) {
    return pattern.find_first_of(wildcards) != pattern.npos;
}

found_files find_files(const std::string& pattern) {
    glob_t all{};
    found_files found;
    errno = 0;
    const int status = ::glob(pattern.c_str(), GLOB_NOSORT, go_on_without, &all);
    const int error = status == GLOB_NOSPACE ? ENOMEM : errno;
    if (status == 0)
        found.names.assign(all.gl_pathv, all.gl_pathv + all.gl_pathc);
    else if (status != GLOB_NOMATCH)
        found.problem = problem_of(error != 0 ? error : EACCES);
    ::globfree(&all);
    std::ranges::sort(found.names);
    return found;
}

std::string beside(const std::string& from, const std::string& path) {
    return (fs::path{from}.parent_path() / path).lexically_normal();
}

std::string fixed_folder_of(const std::string& pattern) {
    const auto fixed = pattern.substr(0, pattern.find_first_of(wildcards));
    const auto slash = fixed.rfind('/');
    return slash == fixed.npos ? "." : fixed.substr(0, std::max<std::size_t>(slash, 1));
}

bool is_gone(const std::string& name) {
    std::error_code ec;
    return fs::symlink_status(name, ec).type() == fs::file_type::not_found;
}

bool is_directory(const std::string& name) {
    std::error_code ec;
    return !name.empty() && fs::is_directory(name, ec);
}

bool is_empty(const std::string& folder) {
    std::error_code ec;
    const fs::directory_iterator first{folder, ec};
    return ec || first == fs::directory_iterator{};
}

bool are_the_same(const std::string& a, const std::string& b) {
    std::error_code ec;
    return fs::equivalent(a, b, ec);
}

} // namespace snipass::config
