// SPDX-License-Identifier: BSL-1.0
// sd_listen_fds(3) and sd_notify(3), as their man pages specify them.
#include "snipass/os/systemd.hpp"

#include "rights.hpp"

#include "snipass/os/error.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <ctime>

namespace snipass::os {
namespace {

constexpr int first_passed_fd = 3; // SD_LISTEN_FDS_START

std::string_view variable(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::string_view{} : std::string_view{value};
}

template <class Number>
std::optional<Number> number(std::string_view text) {
    Number value{};
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (ec != std::errc{} || end != text.data() + text.size())
        return std::nullopt;
    return value;
}

// The names are separated by colons; a missing one is "unknown", as sd_listen_fds_with_names(3) says.
std::string next_name(std::string_view& names) {
    if (names.empty())
        return "unknown";
    const auto colon = names.find(':');
    std::string name{names.substr(0, colon)};
    names.remove_prefix(colon == std::string_view::npos ? names.size() : colon + 1);
    return name;
}

// adopt takes `count` descriptors, or those of them that are open.
void adopt(int count, passed_sockets& into) {
    auto names = variable("LISTEN_FDNAMES");
    for (int fd = first_passed_fd; fd < first_passed_fd + count; ++fd) {
        auto name = next_name(names);
        if (::fcntl(fd, F_SETFD, FD_CLOEXEC) == 0)
            into.all.push_back({std::move(name), unique_fd{fd}});
    }
    if (const auto open = static_cast<int>(into.all.size()); open < count)
        into.problem = "LISTEN_FDS is " + std::to_string(count) + ", but of these descriptors only " +
                       std::to_string(open) +
                       " are open: what stands between systemd and this process closed them";
}

passed_sockets take(const std::string& meant_for, const std::string& how_many) {
    passed_sockets taken;
    const auto pid = number<pid_t>(meant_for);
    const auto count = number<int>(how_many);
    // No process can have more open; such a number is a mistake, and not worth as many system calls.
    if (!pid || !count || *count < 0 || *count > ::sysconf(_SC_OPEN_MAX) - first_passed_fd)
        taken.problem = "LISTEN_PID is \"" + meant_for + "\" and LISTEN_FDS is \"" + how_many +
                        "\": systemd passes sockets with a process's number and with how many there are";
    else if (pid != ::getpid())
        taken.problem = "LISTEN_PID is " + meant_for + ", and this process is " + std::to_string(::getpid()) +
                        ": a program between systemd and this one must become it (exec), not start it";
    else
        adopt(*count, taken);
    return taken;
}

// manager_address is NOTIFY_SOCKET; its size is 0 if there is none.
result<socklen_t> manager_address(sockaddr_un& to) {
    const auto path = variable("NOTIFY_SOCKET");
    if (path.empty())
        return socklen_t{0};
    if (path.size() >= sizeof to.sun_path)
        return make_error(ENAMETOOLONG);
    to.sun_family = AF_UNIX;
    path.copy(to.sun_path, path.size());
    if (path.front() == '@')
        to.sun_path[0] = '\0';
    return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
}

} // namespace

passed_sockets take_listen_fds() {
    passed_sockets taken;
    if (!variable("LISTEN_FDS").empty() || !variable("LISTEN_PID").empty())
        taken = take(std::string{variable("LISTEN_PID")}, std::string{variable("LISTEN_FDS")});
    ::unsetenv("LISTEN_PID");
    ::unsetenv("LISTEN_FDS");
    ::unsetenv("LISTEN_FDNAMES");
    return taken;
}

unique_fd notify_socket() {
    return unique_fd{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
}

error_code notify(const unique_fd& socket, std::string_view state) {
    sockaddr_un address{};
    const auto size = manager_address(address);
    if (!size)
        return size.error();
    if (*size > 0 && ::sendto(socket.get(), state.data(), state.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
                              reinterpret_cast<const sockaddr*>(&address), *size) < 0)
        return last_error();
    return {};
}

bool stores_descriptors() {
    return number<unsigned>(variable("FDSTORE")).value_or(0) > 0 && !variable("NOTIFY_SOCKET").empty();
}

error_code store(const unique_fd& socket, std::string_view name, int fd) {
    sockaddr_un address{};
    const auto size = manager_address(address);
    if (!size)
        return size.error();
    std::string state = "FDSTORE=1\nFDPOLL=0\nFDNAME=";
    state += name;
    alignas(cmsghdr) std::byte control[room_for<1>]{};
    iovec data{state.data(), state.size()};
    msghdr message{};
    message.msg_name = &address;
    message.msg_namelen = *size;
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    attach(message, control, {&fd, 1});
    return ::sendmsg(socket.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? last_error() : error_code{};
}

std::string forgetting_state(std::string_view name) {
    return "FDSTOREREMOVE=1\nFDNAME=" + std::string{name};
}

std::string reloading_state() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    const long long microseconds = now.tv_sec * 1'000'000LL + now.tv_nsec / 1'000;
    return "RELOADING=1\nMONOTONIC_USEC=" + std::to_string(microseconds);
}

std::optional<std::chrono::microseconds> watchdog_interval() {
    const auto pid = variable("WATCHDOG_PID");
    if (!pid.empty() && number<pid_t>(pid) != ::getpid())
        return std::nullopt;
    const auto interval = number<long long>(variable("WATCHDOG_USEC"));
    if (!interval || *interval <= 0)
        return std::nullopt;
    return std::chrono::microseconds{*interval};
}

} // namespace snipass::os
