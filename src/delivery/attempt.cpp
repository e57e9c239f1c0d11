// SPDX-License-Identifier: BSL-1.0
// What came of offering a client to a backend.
#include "snipass/delivery/attempt.hpp"

#include "snipass/net/wait_error.hpp"
#include "snipass/os/error.hpp"

namespace snipass::server {

std::string not_taken::in_words() const {
    if (!detail.empty())
        return std::string{detail};
    if (!error)
        return std::string{to_string(why)};
    if (why != outcome::backend_failed || where.empty())
        return error.message();
    auto text = std::string{where} + ": " + error.message();
    if (os::errno_of(error) == EPROTOTYPE)
        text += where.starts_with("unix:") ? "; it takes datagrams, and no connections"
                                           : "; protocol may be the other one, \"stream\" or \"datagram\"";
    return text;
}

outcome to_outcome(const error_code& ec, outcome full) noexcept {
    if (net::is_timeout(ec))
        return outcome::backend_silent;
    if (os::would_block(ec))
        return full;
    if (os::is_transient(ec))
        return outcome::no_resources;
    switch (os::errno_of(ec)) {
    case ENOENT:
        return outcome::backend_absent;
    case ECONNREFUSED:
        return outcome::backend_refused;
    case EDQUOT: // datagram_channel
        return outcome::backend_overdue;
    case EPIPE:
    case ECONNRESET:
        return outcome::backend_declined;
    default:
        return outcome::backend_failed;
    }
}

std::string_view why_not_theirs(const error_code& ec, const config::handoff_settings& settings) noexcept {
    return settings.user && ec == os::make_error(EPERM)
               ? "at its path is a link, or the socket of another user than the file says (user)"
               : std::string_view{};
}

bool may_pass_soon(outcome why) noexcept {
    return why == outcome::backend_backlog_full || why == outcome::backend_queue_full ||
           why == outcome::backend_overdue || why == outcome::backend_overdue_source ||
           why == outcome::no_resources;
}

} // namespace snipass::server
