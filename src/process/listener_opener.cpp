// SPDX-License-Identifier: BSL-1.0
// From the [[listener]] entries of a file to listening sockets.
#include "snipass/process/listener_opener.hpp"

#include "snipass/base/quoted.hpp"
#include "snipass/os/error.hpp"
#include "snipass/os/tcp.hpp"
#include "snipass/os/unix_listener.hpp"
#include "snipass/process/lent_socket.hpp"
#include "snipass/process/listener_hints.hpp"

#include <fcntl.h>
#include <net/if.h>

#include <algorithm>
#include <utility>

namespace snipass::server {
namespace {

using config::listener_settings;

// is_within_another: the socket of a wider address gets its clients, too. Port 0 is another one each time.
bool is_within_another(const listener_settings& one, const std::vector<listener_settings>& all) {
    return one.endpoint && one.endpoint->port != 0 && one.interface.empty() &&
           std::ranges::any_of(all, [&](const auto& other) {
               return other.endpoint && includes(*other.endpoint, *one.endpoint);
           });
}

// what_to_enable, where systemd did not pass the socket `wanted`, but those with these names.
std::string what_to_enable(std::string_view wanted, const std::vector<std::string_view>& passed) {
    if (passed.empty())
        return ", nor any other; enable the socket unit (systemctl enable --now snipass.socket), and let "
               "systemd start the router";
    std::string names;
    for (const auto name : passed)
        names += (names.empty() ? "" : ", ") + in_quotes(name);
    return " (it passed: " + names +
           "); enable the socket unit that has it, or write FileDescriptorName=" + std::string(wanted) +
           " into the one that there is";
}

std::string problem(const listener_settings& one, std::string_view what, std::string_view hint = {}) {
    auto text = "cannot listen on " + one.address + ": " + std::string{what};
    if (!hint.empty())
        text += " (" + std::string{hint} + ")";
    return text;
}

// paths_of is where a handoff listener of our own has its sockets.
std::vector<std::string> paths_of(const listener_settings& one) {
    if (one.handoff_path.empty())
        return {};
    std::vector<std::string> paths{one.handoff_path, one.handoff_path + std::string{config::datagram_suffix}};
    if (!one.farewell_path.empty())
        paths.push_back(one.farewell_path);
    return paths;
}

// is_at: the socket that was made there is there still.
bool is_at(const std::map<std::string, os::file_id>& files, const std::string& path) {
    const auto known = files.find(path);
    return known != files.end() && known->second != os::file_id{} && known->second == os::file_at(path);
}

os::unique_fd copy_of(int fd) {
    return os::unique_fd{::fcntl(fd, F_DUPFD_CLOEXEC, 0)};
}

std::string problem_of_copy(const listener_settings& one, const error_code& ec) {
    return problem(one, ec.message(), hint_for_copy(ec));
}

} // namespace

opened_listeners listener_opener::open(const std::vector<listener_settings>& wanted, unsigned workers) {
    opened_listeners opened;
    opened.by_worker.resize(workers);
    for (const auto& one : wanted) {
        if (is_open(one))
            continue;
        if (is_within_another(one, wanted))
            check_within(one, opened);
        else if (one.endpoint)
            open_own(one, opened);
        else if (!one.handoff_path.empty())
            open_handoff(one, opened);
        else
            lend(one, opened);
    }
    if (!opened.problems.empty())
        opened.by_worker.clear();
    return opened;
}

bool listener_opener::is_open(const listener_settings& one) const {
    const auto has_its_file = [this](const std::string& path) { return is_at(files_, path); };
    return std::ranges::count(open_, one.address) > 0 && std::ranges::all_of(paths_of(one), has_its_file);
}

void listener_opener::keep(const std::vector<listener_settings>& in_use) {
    open_.clear();
    used_.clear();
    files_.clear();
    for (const auto& one : in_use)
        for (const auto& path : paths_of(one))
            files_[path] = os::file_at(path);
    for (const auto& one : in_use) {
        if (!is_within_another(one, in_use))
            open_.push_back(one.address);
        used_.push_back(one.systemd_name);
    }
    inherited_.clear();
    std::erase_if(own_, [](const own_socket& one) { return one.origin.expired(); });
}

// check_within: nothing is opened, but an address that this machine does not have is a mistake all the same.
void listener_opener::check_within(const listener_settings& one, opened_listeners& to) {
    const auto any_port = os::listen_tcp({one.endpoint->address, 0});
    if (!any_port)
        return to.problems.push_back(
            problem(one, any_port.error().message(), hint_for(one, *one.endpoint, any_port.error())));
    to.bound_addresses.push_back({one.address, one.endpoint->to_string()});
}

void listener_opener::open_own(const listener_settings& one, opened_listeners& to) {
    const unsigned interface = one.interface.empty() ? 0 : ::if_nametoindex(one.interface.c_str());
    if (!one.interface.empty() && interface == 0)
        return to.problems.push_back(problem(one, "there is no interface \"" + one.interface + "\""));
    auto endpoint = *one.endpoint;
    auto socket = own(one, endpoint, interface);
    if (!socket && one.every_address && os::errno_of(socket.error()) == EAFNOSUPPORT) {
        endpoint.address = ip_address::v4({}); // there is no IPv6, so these are all addresses
        socket = own(one, endpoint, interface);
    }
    if (!socket)
        return to.problems.push_back(
            problem(one, socket.error().message(), why_not(one, endpoint, socket.error())));
    const int fd = (*socket)->get();
    for (auto& sockets : to.by_worker) {
        auto copy = copy_of(fd);
        if (!copy)
            return to.problems.push_back(problem_of_copy(one, os::last_error()));
        sockets.push_back(
            {one.address, std::move(copy), false, socket_kind::tcp, {}, to.by_worker.size() > 1, *socket});
    }
    const auto bound = os::local_endpoint(fd);
    to.bound_addresses.push_back({one.address, (bound ? *bound : endpoint).to_string()});
}

// own: the same address may be written in another way than before, or may have been dropped a moment ago by a
// reload: then its socket is there still.
result<std::shared_ptr<const os::unique_fd>>
listener_opener::own(const listener_settings& of, const ip_endpoint& endpoint, unsigned interface) {
    for (const auto& one : own_)
        if (one.endpoint == endpoint && one.interface == interface)
            if (auto there = one.origin.lock())
                return there;
    if (const auto* const one = inherited_.find(of.address, endpoint, interface)) {
        own_.push_back({one->bound, interface, one->origin});
        return one->origin;
    }
    auto made = os::listen_tcp(endpoint, interface);
    if (!made)
        return made.error();
    const auto bound = os::local_endpoint(made->get()); // the kernel chooses for port 0
    auto origin = std::make_shared<const os::unique_fd>(std::move(*made));
    own_.push_back({bound ? *bound : endpoint, interface, origin});
    return origin;
}

std::string listener_opener::why_not(const listener_settings& one, const ip_endpoint& address,
                                     const error_code& ec) const {
    auto hint = os::errno_of(ec) == EADDRINUSE ? holder_of(address) : std::string{};
    if (hint.empty())
        hint = hint_for(one, address, ec);
    // They may lie open in this process all the same.
    if (os::errno_of(ec) == EADDRINUSE && !passed_.problem.empty())
        hint += "; of systemd's sockets none was taken: " + passed_.problem;
    return hint;
}

// holder_of says who of those that this process knows listens on an address that is in use; empty: none of
// them.
std::string listener_opener::holder_of(const ip_endpoint& address) const {
    for (const auto& passed : passed_.all) {
        const auto bound = os::local_endpoint(passed.fd.get());
        if (bound && overlap(*bound, address))
            return "systemd does, and passed the socket on: write address = \"systemd:" + passed.name + "\"";
    }
    for (const auto& one : own_)
        if (!one.origin.expired() && overlap(one.endpoint, address))
            return "this process does, on " + one.endpoint.to_string() +
                   ": restart it, or reload without that address first, and then with this one";
    return {};
}

// One socket for each protocol, because a path has one kind of socket. The workers share that of `stream`;
// datagrams are read by one of them alone (see receive_datagram).
void listener_opener::open_handoff(const listener_settings& one, opened_listeners& to) const {
    const auto open = [&](const std::string& path, int type, socket_kind kind, std::size_t readers,
                          mode_t mode) {
        if (is_at(files_, path))
            return;
        auto before = inherited_.find_unix(path, kind);
        auto made =
            before ? result<os::unix_listener>{std::move(*before)} : os::listen_unix(path, type, mode);
        if (made && before)
            (void)os::set_socket_mode(path, mode);
        if (!made)
            return to.problems.push_back(
                problem(one, path + ": " + made.error().message(), hint_for_path(path, made.error())));
        for (std::size_t i = 0; i < readers; ++i) {
            auto copy = copy_of(made->fd.get());
            if (!copy)
                return to.problems.push_back(problem_of_copy(one, os::last_error()));
            auto file = i == 0 ? std::move(made->file) : os::socket_file{};
            to.by_worker[i].push_back(
                {one.address, std::move(copy), false, kind, std::move(file), readers > 1, {}});
        }
        to.bound_addresses.push_back({one.address, path});
    };
    constexpr mode_t everybody = 0666;
    const auto workers = to.by_worker.size();
    open(one.handoff_path, SOCK_STREAM, socket_kind::handoff_stream, workers, one.mode);
    open(one.handoff_path + std::string{config::datagram_suffix}, SOCK_DGRAM, socket_kind::handoff_datagram,
         1, one.mode);
    if (!one.farewell_path.empty())
        open(one.farewell_path, SOCK_STREAM, socket_kind::farewell, workers, everybody);
}

std::vector<std::string> listener_opener::change_modes(const std::vector<listener_settings>& before,
                                                       const std::vector<listener_settings>& now) {
    std::vector<std::string> problems;
    for (const auto& one : now) {
        const auto old = std::ranges::find(before, one.address, &listener_settings::address);
        if (one.handoff_path.empty() || old == before.end() || old->mode == one.mode)
            continue;
        for (const auto& path : {one.handoff_path, one.handoff_path + std::string{config::datagram_suffix}})
            if (const auto ec = os::set_socket_mode(path, one.mode))
                problems.push_back("cannot change the mode of " + path + ": " + ec.message());
    }
    return problems;
}

void listener_opener::lend(const listener_settings& one, opened_listeners& to) {
    std::vector<std::string_view> names;
    bool found = false;
    for (const auto& passed : passed_.all) {
        names.push_back(passed.name);
        if (passed.name != one.systemd_name)
            continue;
        found = true;
        const auto made = prepare_lent(passed.fd.get(), passed.name, one.is_for_handoffs());
        if (!made.problem.empty())
            return to.problems.push_back(problem(one, "of what systemd passed, " + made.problem));
        to.bound_addresses.push_back({one.address, made.address});
        const auto readers = made.kind == socket_kind::handoff_datagram ? 1 : to.by_worker.size();
        for (std::size_t i = 0; i < readers; ++i) {
            auto copy = copy_of(passed.fd.get());
            if (!copy)
                return to.problems.push_back(problem_of_copy(one, os::last_error()));
            to.by_worker[i].push_back({one.address, std::move(copy), true, made.kind, {}, true, {}});
        }
    }
    if (found)
        return;
    const auto what = "systemd passed no socket named " + in_quotes(one.systemd_name);
    const auto why =
        passed_.problem.empty() ? what_to_enable(one.systemd_name, names) : ": " + passed_.problem;
    to.problems.push_back(what + why);
}

std::vector<std::string> listener_opener::unnamed() {
    std::vector<std::string> lines;
    std::vector<std::string> idle;
    for (const auto& one : passed_.all) {
        if (std::ranges::count(used_, one.name) > 0)
            continue;
        idle.push_back(one.name);
        if (std::ranges::count(told_, one.name) == 0)
            lines.push_back("systemd passed " + describe_unnamed(one.fd.get(), one.name));
    }
    told_ = std::move(idle);
    if (!passed_.problem.empty() && !std::exchange(told_problem_, true))
        lines.push_back("systemd's sockets: " + passed_.problem);
    return lines;
}

} // namespace snipass::server
