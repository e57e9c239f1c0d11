// SPDX-License-Identifier: BSL-1.0
// From the [[listener]] entries of a file to listening sockets.
#include "snipass/process/listener_opener.hpp"

#include "snipass/base/quoted.hpp"
#include "snipass/os/error.hpp"
#include "snipass/os/tcp.hpp"
#include "snipass/os/unix_listener.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>

namespace snipass::server {
namespace {

const error_code not_listening = os::make_error(EINVAL);
const error_code not_for_handoffs = os::make_error(EPROTOTYPE);
const error_code only_for_handoffs = os::make_error(EAFNOSUPPORT);

// A listener that is stopped takes up to a second for its backlog.
constexpr auto closing_time = std::chrono::seconds{2};

bool is_for_handoffs(const config::listener_settings& one) {
    return one.address.starts_with("handoff:");
}

// what_to_enable, where systemd did not pass the socket `wanted`, but those with these names.
std::string what_to_enable(std::string_view wanted, const std::vector<std::string_view>& passed) {
    if (passed.empty())
        return ", nor any other; enable the socket unit (systemctl enable --now snipass.socket), and let "
               "systemd "
               "start the router";
    std::string names;
    for (const auto name : passed)
        names += (names.empty() ? "" : ", ") + in_quotes(name);
    return " (it passed: " + names +
           "); enable the socket unit that has it, or write FileDescriptorName=" + std::string(wanted) +
           " into the one that there is";
}

std::string problem(const config::listener_settings& one, const error_code& ec) {
    auto text = "cannot listen on " + one.address + ": " + ec.message();
    if (ec.value() == EACCES)
        text += " (a port below 1024 needs CAP_NET_BIND_SERVICE)";
    if (ec == not_listening)
        text += " (systemd passed a socket that does not listen: it takes ListenStream= and Accept=no)";
    if (ec == not_for_handoffs)
        text += " (handoffs come in on a unix socket: ListenStream=/PATH, or ListenDatagram=/PATH and "
                "PassCredentials=yes)";
    if (ec == only_for_handoffs)
        text += " (systemd passed a unix socket: write address = \"handoff:" + one.address + "\")";
    return text;
}

std::string problem(const config::listener_settings& one, const std::string& path, const error_code& ec) {
    auto text = "cannot listen on " + one.address + ": " + path + ": " + ec.message();
    if (ec.value() == EACCES || ec.value() == ENOENT || ec.value() == EROFS)
        text += " (its folder must be there, and be this user's to write to)";
    if (ec.value() == EADDRINUSE)
        text += " (another program listens there, or it is no socket)";
    return text;
}

bool is_unix(int fd) {
    sockaddr address{};
    socklen_t size = sizeof address;
    return ::getsockname(fd, &address, &size) == 0 && address.sa_family == AF_UNIX;
}

struct lent_socket {
    std::string address;
    socket_kind kind = socket_kind::tcp;
};

result<lent_socket> prepare_lent_for_handoffs(int fd) {
    auto made = os::prepare_lent_unix(fd);
    if (!made)
        return made.error() == os::make_error(EPROTOTYPE) ? not_for_handoffs : made.error();
    const bool stream = made->type == SOCK_STREAM;
    return lent_socket{std::move(made->path),
                       stream ? socket_kind::handoff_stream : socket_kind::handoff_datagram};
}

// A lent socket is ours as one that every worker polls, so it must not block.
result<lent_socket> prepare_lent(const config::listener_settings& one, int fd) {
    if (is_for_handoffs(one))
        return prepare_lent_for_handoffs(fd);
    if (is_unix(fd))
        return only_for_handoffs;
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
        return os::last_error();
    if (const auto ec = os::prepare_listener(fd))
        return ec;
    if (!os::is_listening(fd)) // it would be ready for ever, with nobody to accept
        return not_listening;
    const auto bound = os::local_endpoint(fd);
    if (!bound)
        return bound.error();
    return lent_socket{bound->to_string()};
}

} // namespace

opened_listeners listener_opener::open(const std::vector<config::listener_settings>& wanted,
                                       unsigned workers) {
    opened_listeners opened;
    opened.by_worker.resize(workers);
    const auto known = own_.size();
    for (const auto& one : wanted) {
        if (one.endpoint)
            open_own(one, opened);
        else if (!one.handoff_path.empty())
            open_handoff(one, opened);
        else
            lend(one, opened);
    }
    if (!opened.problems.empty()) {
        opened.by_worker.clear();
        own_.erase(own_.begin() + static_cast<std::ptrdiff_t>(known), own_.end());
    }
    return opened;
}

void listener_opener::keep(const std::vector<config::listener_settings>& in_use) {
    const auto now = std::chrono::steady_clock::now();
    for (auto& own : own_) {
        if (std::ranges::count(in_use, own.listener, &config::listener_settings::address) > 0)
            own.closed_by.reset();
        else if (!own.closed_by)
            own.closed_by = now + closing_time;
    }
    std::erase_if(own_, [now](const own_address& one) { return one.closed_by && *one.closed_by <= now; });
}

void listener_opener::open_own(const config::listener_settings& one, opened_listeners& to) {
    auto endpoint = *one.endpoint;
    if (!is_ours(endpoint) && os::is_listened_on(endpoint))
        return to.problems.push_back(problem(one, os::make_error(EADDRINUSE)) + holder_of(endpoint));
    for (auto& sockets : to.by_worker) {
        auto fd = os::listen_tcp(endpoint);
        if (!fd)
            return to.problems.push_back(problem(one, fd.error()));
        const auto bound = os::local_endpoint(fd->get());
        if (!bound)
            return to.problems.push_back(problem(one, bound.error()));
        endpoint.port = bound->port; // with port 0 the other workers join the first
        sockets.push_back({one.address, std::move(*fd)});
    }
    own_.push_back({one.address, endpoint, std::nullopt});
    to.bound_addresses.push_back({one.address, endpoint.to_string()});
}

// One socket for each protocol, because a path has one kind of socket. The workers share that of `stream`;
// datagrams are read by one of them alone (see receive_datagram).
void listener_opener::open_handoff(const config::listener_settings& one, opened_listeners& to) {
    const auto open = [&](const std::string& path, int type, socket_kind kind, std::size_t readers) {
        auto made = os::listen_unix(path, type, one.mode);
        if (!made)
            return to.problems.push_back(problem(one, path, made.error()));
        for (std::size_t i = 0; i < readers; ++i) {
            os::unique_fd copy{::fcntl(made->fd.get(), F_DUPFD_CLOEXEC, 0)};
            if (!copy)
                return to.problems.push_back(problem(one, path, os::last_error()));
            auto file = i == 0 ? std::move(made->file) : os::socket_file{};
            to.by_worker[i].push_back({one.address, std::move(copy), false, kind, std::move(file)});
        }
        to.bound_addresses.push_back({one.address, path});
    };
    open(one.handoff_path, SOCK_STREAM, socket_kind::handoff_stream, to.by_worker.size());
    open(one.handoff_path + std::string{config::datagram_suffix}, SOCK_DGRAM, socket_kind::handoff_datagram,
         1);
}

std::vector<std::string> listener_opener::change_modes(const std::vector<config::listener_settings>& before,
                                                       const std::vector<config::listener_settings>& now) {
    std::vector<std::string> problems;
    for (const auto& one : now) {
        const auto old = std::ranges::find(before, one.address, &config::listener_settings::address);
        if (one.handoff_path.empty() || old == before.end() || old->mode == one.mode)
            continue;
        for (const auto& path : {one.handoff_path, one.handoff_path + std::string{config::datagram_suffix}})
            if (const auto ec = os::set_socket_mode(path, one.mode))
                problems.push_back("cannot change the mode of " + path + ": " + ec.message());
    }
    return problems;
}

bool listener_opener::is_ours(const ip_endpoint& address) const {
    const auto now = std::chrono::steady_clock::now();
    return std::ranges::any_of(own_, [&](const own_address& own) {
        return overlap(own.endpoint, address) && (!own.closed_by || now < *own.closed_by);
    });
}

// holder_of says who listens on an address that is in use.
std::string listener_opener::holder_of(const ip_endpoint& address) const {
    for (const auto& passed : passed_) {
        const auto bound = os::local_endpoint(passed.fd.get());
        if (bound && overlap(*bound, address))
            return " (systemd does, and passed the socket on: write address = \"systemd:" + passed.name +
                   "\")";
    }
    return " (another program listens there)";
}

void listener_opener::lend(const config::listener_settings& one, opened_listeners& to) {
    std::vector<std::string_view> names;
    bool found = false;
    for (const auto& passed : passed_) {
        names.push_back(passed.name);
        if (passed.name != one.systemd_name)
            continue;
        found = true;
        const auto made = prepare_lent(one, passed.fd.get());
        if (!made)
            return to.problems.push_back(problem(one, made.error()));
        to.bound_addresses.push_back({one.address, made->address});
        const auto readers = made->kind == socket_kind::handoff_datagram ? 1 : to.by_worker.size();
        for (std::size_t i = 0; i < readers; ++i) {
            os::unique_fd copy{::fcntl(passed.fd.get(), F_DUPFD_CLOEXEC, 0)};
            if (!copy)
                return to.problems.push_back(problem(one, os::last_error()));
            to.by_worker[i].push_back({one.address, std::move(copy), true, made->kind});
        }
    }
    if (found)
        return;
    to.problems.push_back("systemd passed no socket named " + in_quotes(one.systemd_name) +
                          what_to_enable(one.systemd_name, names));
}

} // namespace snipass::server
