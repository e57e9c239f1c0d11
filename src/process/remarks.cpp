// SPDX-License-Identifier: BSL-1.0
// What an admin is told of a file that is good.
#include "snipass/process/remarks.hpp"

#include "snipass/base/quoted.hpp"
#include "snipass/os/error.hpp"
#include "snipass/os/unix_socket.hpp"

#include <algorithm>

namespace snipass::server {

std::vector<config::diagnostic> what_takes_a_restart(const config::server_settings& start,
                                                     const config::server_settings& before,
                                                     const config::server_settings& next) {
    std::vector<config::diagnostic> all;
    const auto compare = [&](const std::string& name, auto config::server_settings::*key,
                             config::position where) {
        if (next.*key != start.*key && next.*key != before.*key)
            all.push_back({config::severity::warning, where,
                           name + ": changes only with a restart, and what it was at the start holds until "
                                  "then; run systemctl restart snipass"});
    };
    compare("server.workers", &config::server_settings::workers, next.workers_where);
    compare("server.sandbox", &config::server_settings::sandbox, next.sandbox_where);
    return all;
}

std::optional<config::diagnostic> what_is_missing(const config::configuration& file) {
    const auto wants_files = [](const config::backend_settings& one) {
        const auto* const handoff = one.handoff();
        return handoff != nullptr && handoff->user;
    };
    const auto first = std::ranges::find_if(file.backends, wants_files);
    if (first == file.backends.end() || os::has_names_of_files())
        return std::nullopt;
    const auto where = first->handoff()->user->where;
    return config::diagnostic{
        config::severity::error, where,
        "there is no /proc here, without which nobody can tell whose a socket is: backends with `user`, "
        "such as " +
            in_quotes(first->name) + ", get no client; mount /proc, or leave `user` out",
        false, where.file == 0 ? std::string{} : file.file_of(where)};
}

std::optional<config::diagnostic> prepare_log(log& log, const config::configuration& file) {
    const auto ec = log.prepare(file.log);
    if (!ec)
        return std::nullopt;
    const bool is_unit = ec == os::make_error(EROFS) || ec == os::make_error(EACCES);
    return config::diagnostic{config::severity::error, file.log.file_where,
                              "log.file: " + in_quotes(file.log.file) + " cannot be opened: " + ec.message() +
                                  (is_unit ? "; snipass.service writes below /var/log/snipass only" : "")};
}

} // namespace snipass::server
