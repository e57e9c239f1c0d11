// SPDX-License-Identifier: BSL-1.0
// The text of `snipass check`, for people and for editors that jump to file:line:column.
#include "snipass/config/check.hpp"

#include "snipass/base/quoted.hpp"

#include <algorithm>
#include <iterator>
#include <vector>

namespace snipass::config {
namespace {

std::string count(std::size_t number, const std::string& what) {
    return std::to_string(number) + " " + what + (number == 1 ? "" : "s");
}

// is_hidden: the shipped unit has a /tmp of its own, and no homes (PrivateTmp=, ProtectHome=).
bool is_hidden(std::string_view path) {
    constexpr std::string_view folders[] = {"/tmp/", "/var/tmp/", "/home/", "/root/", "/run/user/"};
    return std::ranges::any_of(folders, [&](auto folder) { return path.starts_with(folder); });
}

// places: of sockets that are where this command sees them, and the daemon may not.
std::vector<diagnostic> places(const configuration& configuration) {
    std::vector<diagnostic> found;
    const auto look = [&](position where, const std::string& key, const std::string& path) {
        if (is_hidden(path))
            found.push_back(
                {severity::warning, where,
                 on_one_line(key + ": " + in_quotes(path) +
                             " is in a folder that snipass.service does not see; write a path below "
                             "/run")});
    };
    for (const auto& listener : configuration.listeners)
        look(listener.where, "listener.address", listener.handoff_path);
    if (configuration.metrics)
        for (const auto& one : configuration.metrics->addresses)
            look(one.where, "metrics.address", one.path);
    look(configuration.control.where, "control.path", configuration.control.path);
    constexpr std::string_view writable = "/var/log/snipass/";
    if (const auto& file = configuration.log.file; !file.empty() && !file.starts_with(writable))
        found.push_back({severity::warning, configuration.log.file_where,
                         on_one_line("log.file: " + in_quotes(file) +
                                     " is in a folder that snipass.service may not write to; write " +
                                     in_quotes(std::string{writable} + "access.log") +
                                     ", or ReadWritePaths= into a drop-in for it")});
    for (const auto& backend : configuration.backends) {
        const auto title = "backend." + backend.name;
        if (const auto* const handoff = backend.handoff())
            for (std::size_t i = 0; i < handoff->paths.size(); ++i)
                look(handoff->positions[i], title + ".handoff", handoff->paths[i]);
        if (const auto* const relay = backend.relay())
            for (const auto& one : relay->addresses)
                look(one.where, title + ".proxy", one.path);
    }
    return found;
}

} // namespace

std::string contents(const configuration& configuration) {
    std::size_t names = 0;
    for (const auto& route : configuration.routes)
        names += route.name_count;
    return count(configuration.listeners.size(), "listener") + ", " +
           count(configuration.routes.size(), "route") + " with " + count(names, "name") + ", " +
           count(configuration.backends.size(), "backend") +
           (configuration.included.empty() ? "" : ", in " + count(configuration.included.size() + 1, "file"));
}

std::string check_report(const parsed& parsed, std::string_view file) {
    std::string report;
    auto diagnostics = parsed.diagnostics;
    if (parsed.value) {
        auto found = places(*parsed.value);
        name_files(found, *parsed.value);
        std::ranges::move(found, std::back_inserter(diagnostics));
    }
    std::ranges::stable_sort(diagnostics, {}, &diagnostic::where);
    for (const auto& diagnostic : diagnostics)
        report += diagnostic.to_string(file) + "\n";
    if (!parsed.was_read)
        return report;

    const auto errors = static_cast<std::size_t>(
        std::count_if(diagnostics.begin(), diagnostics.end(),
                      [](const diagnostic& diagnostic) { return diagnostic.level == severity::error; }));
    const auto warnings = diagnostics.size() - errors;
    report += std::string(file) + ": ";
    report += parsed.value ? "valid: " + contents(*parsed.value) : "not valid: " + count(errors, "error");
    if (warnings > 0)
        report += ", " + count(warnings, "warning");
    return report + "\n";
}

} // namespace snipass::config
