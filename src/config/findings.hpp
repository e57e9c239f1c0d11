// SPDX-License-Identifier: BSL-1.0
// findings: the diagnostics of one run over a file. Private to config.
#pragma once

#include "snipass/base/quoted.hpp"
#include "snipass/config/parse.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace snipass::config {

// is_shortage: a system call failed for want of something, and would not at another time.
[[nodiscard]] inline bool is_shortage(int error) noexcept {
    return error == EMFILE || error == ENFILE || error == ENOMEM;
}

class findings {
  public:
    explicit findings(std::string_view file) { name_file(0, std::string{file}); }

    // name_file: what the file of that number (position::file) is called.
    void name_file(std::uint32_t number, std::string name) { names_[number] = std::move(name); }

    // at_line says where something else is: "line 3", or "routes.d/blog.toml:3" in another file than `from`.
    [[nodiscard]] std::string at_line(position where, position from) const {
        const auto line = std::to_string(where.line);
        return where.file == from.file ? "line " + line : names_.at(where.file) + ":" + line;
    }

    void error(position where, std::string_view message) { add(severity::error, where, message); }
    void shortage(position where, std::string_view message) {
        error(where, message);
        list_.back().is_shortage = true;
    }
    void warning(position where, std::string_view message) { add(severity::warning, where, message); }

    [[nodiscard]] bool has_errors() const noexcept { return has_errors_; }

    // take gives them in the order of the file.
    [[nodiscard]] std::vector<diagnostic> take() {
        std::stable_sort(list_.begin(), list_.end(),
                         [](const diagnostic& a, const diagnostic& b) { return a.where < b.where; });
        return std::move(list_);
    }

  private:
    void add(severity level, position where, std::string_view message) {
        has_errors_ = has_errors_ || level == severity::error;
        // Keys, and what RE2 repeats of a regex, come as they are in the file.
        list_.push_back({level, where, on_one_line(message), false,
                         where.file == 0 ? std::string{} : names_.at(where.file)});
    }

    std::unordered_map<std::uint32_t, std::string> names_;
    std::vector<diagnostic> list_;
    bool has_errors_ = false;
};

} // namespace snipass::config
