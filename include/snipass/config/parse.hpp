// SPDX-License-Identifier: BSL-1.0
// From the text of snipass.toml to a configuration, or to all that is wrong with it.
#pragma once

#include "snipass/base/result.hpp"
#include "snipass/config/configuration.hpp"
#include "snipass/config/part.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace snipass::config {

enum class severity {
    error,
    warning
};

// diagnostic is one finding: where, and what to write instead.
struct diagnostic {
    severity level = severity::error;
    position where; // line 0: the file as a whole
    std::string message;
    bool is_shortage = false; // the machine's, of descriptors or memory: the file may be right
    std::string included{};   // the name of the file, where it is one that `file` includes

    // "snipass.toml:12:8: error: ...", on one line, whatever is in the names of files.
    [[nodiscard]] std::string to_string(std::string_view file) const;
};

struct parsed {
    std::shared_ptr<const configuration> value; // null if any diagnostic is an error
    std::vector<diagnostic> diagnostics;        // in the order of the file
    bool was_read = true;                       // false: there is no such file, or none to read
    control_settings control{};                 // also of a file with mistakes elsewhere
    std::vector<std::string> denied{}; // files and folders, of those it includes, that may not be read

    // is_mistaken: there is something in the file to mend.
    [[nodiscard]] bool is_mistaken() const noexcept;
};

// parse reads the text of a configuration file. It never throws for what the text says, and finds all
// mistakes in one run. `file` is the name used in messages.
[[nodiscard]] parsed parse(std::string_view text, std::string_view file);

// name_files fills in `included` of diagnostics about a file that was read.
void name_files(std::vector<diagnostic>& all, const configuration& of);

// user_finder gives the number of a user of this machine, if it has one of that name; an error: it cannot be
// found out (os::find_user).
using user_finder = std::function<result<std::optional<std::uint32_t>>(const std::string& name)>;

// load reads the file first, and those that it includes, which parse() leaves out; one that cannot be read is
// a diagnostic too. It also looks up the users that the file names. Of the whole it keeps one program's part.
[[nodiscard]] parsed load(const std::string& file, const user_finder& find_user, part which = part::whole);

} // namespace snipass::config
