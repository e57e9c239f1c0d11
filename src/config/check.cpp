// SPDX-License-Identifier: BSL-1.0
// The text of `snipass check`, for people and for editors that jump to file:line:column.
#include "snipass/config/check.hpp"

#include <algorithm>

namespace snipass::config {
namespace {

std::string count(std::size_t number, const std::string& what) {
    return std::to_string(number) + " " + what + (number == 1 ? "" : "s");
}

} // namespace

std::string contents(const configuration& configuration) {
    std::size_t names = 0;
    for (const auto& route : configuration.routes)
        names += route.name_count;
    return count(configuration.listeners.size(), "listener") + ", " +
           count(configuration.routes.size(), "route") + " with " + count(names, "name") + ", " +
           count(configuration.backends.size(), "backend");
}

std::string check_report(const parsed& parsed, std::string_view file) {
    std::string report;
    for (const auto& diagnostic : parsed.diagnostics)
        report += diagnostic.to_string(file) + "\n";
    if (!parsed.was_read)
        return report;

    const auto errors = static_cast<std::size_t>(
        std::count_if(parsed.diagnostics.begin(), parsed.diagnostics.end(),
                      [](const diagnostic& diagnostic) { return diagnostic.level == severity::error; }));
    const auto warnings = parsed.diagnostics.size() - errors;
    report += std::string(file) + ": ";
    report += parsed.value ? "valid: " + contents(*parsed.value) : "not valid: " + count(errors, "error");
    if (warnings > 0)
        report += ", " + count(warnings, "warning");
    return report + "\n";
}

} // namespace snipass::config
