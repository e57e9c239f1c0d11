// SPDX-License-Identifier: BSL-1.0
// What this process needs for its configuration, and gives up besides.
#include "snipass/process/sandbox.hpp"

#include "snipass/base/quoted.hpp"
#include "snipass/os/system_call_filter.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

namespace snipass::server {
namespace {

namespace fs = std::filesystem;

constexpr std::uint16_t dns_port = 53; // answers that are too long for a datagram

#if defined(SNIPASS_SANITIZED)
constexpr bool is_sanitized = true; // their own reports need processes, and files
#else
constexpr bool is_sanitized = false;
#endif

bool has_names(const config::proxy_address& one) {
    return !one.host.empty() && !ip_address::parse(one.host);
}

// looks_up: names of hosts, or of users, which the C library asks the same modules for.
bool looks_up(const config::configuration& file) {
    const auto by_name = [](const config::backend_settings& one) {
        const auto* const relay = one.relay();
        return one.forward() != nullptr ||
               (relay != nullptr && std::ranges::any_of(relay->addresses, has_names));
    };
    const auto has_users = [](const config::listener_settings& one) { return !one.allowed_users.empty(); };
    return std::ranges::any_of(file.backends, by_name) || std::ranges::any_of(file.listeners, has_users);
}

std::string folder_of(const fs::path& file) {
    const auto folder = file.parent_path();
    return folder.empty() ? "." : folder.string();
}

// The file may be a link, and so may its folder (a deployment that switches between two).
void add_folders_of(const std::string& file, std::set<std::string>& to) {
    to.insert(folder_of(file));
    std::error_code ec;
    if (const auto real = fs::canonical(file, ec); !ec)
        to.insert(folder_of(real));
}

// What the C library reads to look up a name. A file that is replaced is another file to the kernel, so it is
// all of /etc, as far as this user may read it.
void add_resolver(os::landlock_rules& to) {
    to.readable.insert(
        {"/etc", "/lib", "/usr/lib", "/run/systemd", "/run/nscd", "/var/lib/sss", "/var/run/nscd"});
    add_folders_of("/etc/resolv.conf", to.readable);
    to.connect.insert(dns_port);
}

void add_listener(const config::listener_settings& one, os::landlock_rules& to) {
    if (one.endpoint)
        to.bind.insert(one.endpoint->port);
    if (!one.handoff_path.empty())
        to.socket_folders.insert(folder_of(one.handoff_path));
}

void add_backend(const config::backend_settings& one, os::landlock_rules& to) {
    const auto* const handoff = one.handoff();
    if (handoff != nullptr)
        to.abstract_sockets |=
            std::ranges::any_of(handoff->paths, [](const auto& path) { return path.starts_with('@'); });
    if (const auto* const relay = one.relay())
        for (const auto& address : relay->addresses) {
            if (address.path.empty())
                to.connect.insert(address.port);
            else
                to.abstract_sockets |= address.path.starts_with('@');
        }
    if (const auto* const forward = one.forward())
        to.connect.insert(forward->address.port);
    if (one.proxy() != nullptr && one.proxy()->transparent)
        to.bind.insert(0); // its connections come from the clients' own addresses, and from any port
}

} // namespace

os::landlock_rules needs_of(const config::configuration& configuration) {
    os::landlock_rules needs;
    add_folders_of(configuration.file, needs.readable);
    needs.readable.insert({"/proc/self/fd", "/proc/sys/net/ipv4/ip_unprivileged_port_start", "/dev/urandom"});
    const char* const manager = std::getenv("NOTIFY_SOCKET");
    needs.abstract_sockets = manager != nullptr && *manager == '@';
    for (const auto& one : configuration.listeners)
        add_listener(one, needs);
    for (const auto& one : configuration.backends)
        add_backend(one, needs);
    if (looks_up(configuration))
        add_resolver(needs);
    return needs;
}

std::vector<std::string> beyond(const os::landlock_rules& allowed, int version,
                                const config::configuration& next) {
    const auto needs = needs_of(next);
    std::vector<std::string> lines;
    const auto miss = [&lines](const auto& wanted, const auto& given, const std::string& what,
                               const auto& print) {
        for (const auto& one : wanted)
            if (!given.contains(one))
                lines.push_back(what + print(one));
    };
    const auto number = [](std::uint16_t port) { return std::to_string(port); };
    const auto path = [](const std::string& folder) { return folder; };
    if (looks_up(next) && !allowed.readable.contains("/etc"))
        lines.emplace_back("it has names of hosts or users, and at the start it had none");
    miss(needs.socket_folders, allowed.socket_folders, "it has a handoff listener in another folder, ", path);
    if (version >= os::landlock_ports) {
        miss(needs.bind, allowed.bind, "it listens on another port, ", number);
        if (!looks_up(next) || allowed.connect.contains(dns_port))
            miss(needs.connect, allowed.connect, "it has a backend at another port, ", number);
    }
    if (version >= os::landlock_scopes && needs.abstract_sockets && !allowed.abstract_sockets)
        lines.emplace_back("it has a backend in the abstract namespace, and at the start it had none");
    for (auto& line : lines)
        line = "the sandbox is closed to what the file asks for: " + line +
               "; restart, with sandbox = \"off\" in [server] if that happens often";
    return lines;
}

void sandbox::close(const config::configuration& configuration) {
    if (!configuration.server.sandbox)
        return;
    if (is_sanitized) {
        what_ = "off: this is a build with sanitizers";
        return;
    }
    what_.clear();
    close_files_and_ports(configuration);
    close_system_calls();
}

void sandbox::close_files_and_ports(const config::configuration& configuration) {
    version_ = os::landlock_version();
    if (version_ == 0)
        return lack("no Landlock on this kernel: files, ports and signals are not confined");
    allowed_ = needs_of(configuration);
    if (const auto ec = os::restrict_by_landlock(allowed_)) {
        version_ = 0;
        return lack("Landlock: " + ec.message());
    }
    note("files");
    version_ >= os::landlock_ports ? note("TCP ports") : lack("TCP ports not before Linux 6.7");
    version_ >= os::landlock_scopes ? note("signals") : lack("signals not before Linux 6.12");
}

void sandbox::close_system_calls() {
    if (const auto ec = os::filter_system_calls())
        return lack("system calls: " + ec.message());
    note("system calls");
}

void sandbox::note(const std::string& part) {
    what_ += (what_.empty() ? "" : ", ") + part;
}

void sandbox::lack(const std::string& part) {
    note(part);
    is_partial_ = true;
}

std::vector<std::string> sandbox::problems(const config::configuration& next) const {
    return version_ > 0 ? beyond(allowed_, version_, next) : std::vector<std::string>{};
}

} // namespace snipass::server
