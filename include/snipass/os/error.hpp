// SPDX-License-Identifier: BSL-1.0
// errno as a value, and what kinds of it mean.
#pragma once

#include "snipass/base/result.hpp"

#include <cerrno>

namespace snipass::os {

// last_error is errno of the system call that just failed.
[[nodiscard]] inline error_code last_error() noexcept {
    return {errno, boost::system::system_category()};
}

[[nodiscard]] inline error_code make_error(int number) noexcept {
    return {number, boost::system::system_category()};
}

// errno_of is the errno that `ec` stands for; 0 if it is of another category, whose numbers mean something
// else: the resolver's TRY_AGAIN is 2, as ENOENT is.
[[nodiscard]] inline int errno_of(const error_code& ec) noexcept {
    return ec.category() == boost::system::system_category() ? ec.value() : 0;
}

// would_block: not now; wait for readiness.
[[nodiscard]] inline bool would_block(const error_code& ec) noexcept {
    return ec == make_error(EAGAIN) || ec == make_error(EWOULDBLOCK);
}

// is_transient: the same call may succeed a little later, and no event announces when: a full queue or
// backlog, descriptors in flight (ETOOMANYREFS, unix(7)), kernel memory, descriptors (EMFILE, ENFILE), ports.
[[nodiscard]] inline bool is_transient(const error_code& ec) noexcept {
    switch (errno_of(ec)) {
    case EAGAIN:
    case ENOBUFS:
    case ENOMEM:
    case ETOOMANYREFS:
    case EMFILE:
    case ENFILE:
    case ENOSPC:        // no room for another registration (epoll_ctl(2))
    case EADDRNOTAVAIL: // no local port is left towards that address (connect(2))
    case EINTR:
        return true;
    default:
        return false;
    }
}

// is_disconnect: the peer is gone; nothing is wrong with us.
[[nodiscard]] inline bool is_disconnect(const error_code& ec) noexcept {
    switch (errno_of(ec)) {
    case ECONNRESET:
    case EPIPE:
    case ENOTCONN:
    case ECONNABORTED:
    case ETIMEDOUT:
    case EHOSTUNREACH:
    case ENETUNREACH:
        return true;
    default:
        return false;
    }
}

// is_peers_fault: the other side, or the way there, is why a connect failed, or what followed it. This
// machine did not lack descriptors, memory, ports or permissions.
[[nodiscard]] inline bool is_peers_fault(const error_code& ec) noexcept {
    switch (errno_of(ec)) {
    case ECONNREFUSED:
    case ECONNRESET:
    case ETIMEDOUT:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EHOSTDOWN:
    case ENONET:
    case ENOENT: // a unix socket that is not there
    case EPIPE:
    case EPROTO: // it has another protocol
        return true;
    default:
        return false;
    }
}

// out_of_descriptors: this process or the machine has none left.
[[nodiscard]] inline bool out_of_descriptors(const error_code& ec) noexcept {
    return errno_of(ec) == EMFILE || errno_of(ec) == ENFILE;
}

} // namespace snipass::os
