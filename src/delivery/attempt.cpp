// SPDX-License-Identifier: BSL-1.0
// What came of offering a client to a backend.
#include "snipass/delivery/attempt.hpp"

#include "snipass/net/wait_error.hpp"
#include "snipass/os/error.hpp"

namespace snipass::server {

namespace {

// in_short is for what no system call has failed at.
std::string_view in_short(outcome why) noexcept {
    switch (why) {
    case outcome::backend_declined:
        return "it closed without an ACK";
    case outcome::backend_silent:
        return "no answer in time";
    default:
        return to_string(why);
    }
}

} // namespace

std::string not_taken::in_words() const {
    const bool is_the_clients = is_final && !detail.empty(); // whatever the address is
    auto text = where.empty() || is_the_clients ? std::string{} : std::string{where} + ": ";
    if (!detail.empty())
        return text += detail;
    if (!error)
        return text += in_short(why);
    text += error.message();
    if (os::errno_of(error) == EADDRNOTAVAIL)
        text += "; no local port is left towards it (net.ipv4.ip_local_port_range)";
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
    if (!settings.user)
        return {};
    if (ec == os::make_error(ENOSYS))
        return "there is no /proc here, without which nobody can tell whose socket it is (user)";
    return ec == os::make_error(EPERM)
               ? "at its path is a link, or the socket of another user than the file says (user)"
               : std::string_view{};
}

bool may_pass_soon(outcome why) noexcept {
    return why == outcome::backend_backlog_full || why == outcome::backend_queue_full ||
           why == outcome::backend_overdue || why == outcome::backend_overdue_source ||
           why == outcome::no_resources;
}

} // namespace snipass::server
