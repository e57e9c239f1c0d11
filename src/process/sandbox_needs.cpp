// SPDX-License-Identifier: BSL-1.0
// What a process needs for its configuration.
#include "sandbox_needs.hpp"

#include "snipass/process/sandbox.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

namespace snipass::server {
namespace {

namespace fs = std::filesystem;

constexpr std::uint16_t dns_port = 53; // answers that are too long for a datagram

std::string folder_of(const fs::path& file) {
    const auto folder = file.parent_path();
    return folder.empty() ? "." : folder.string();
}

} // namespace

void add_folders_of(const std::string& file, std::set<std::string>& to) {
    to.insert(folder_of(file));
    std::error_code ec;
    if (const auto real = fs::canonical(file, ec); !ec)
        to.insert(folder_of(real));
}

bool is_below(const std::string& folder, const std::string& top) {
    return folder == top || (folder.starts_with(top) && folder[top.size()] == '/');
}

config::diagnostic closed_to(config::position where, const std::string& what, std::string_view program) {
    const std::string name{program};
    return {config::severity::error, where,
            "the sandbox that was closed at the start has no room for this: " + what + "; restart " + name +
                " (systemctl restart " + name +
                "). Where that happens often write sandbox = \"off\" in [server]"};
}

namespace {

// is_trusted: whoever made this link may read what root or this user may read. A tenant's link in a folder
// of routes would open a folder of somebody else's to this process.
bool is_trusted(const fs::path& link) {
    struct stat what {};
    return ::lstat(link.c_str(), &what) == 0 && (what.st_uid == 0 || what.st_uid == ::geteuid());
}

// leads_by_trust: every link on the way to the file is trusted, those among its folders, too.
bool leads_by_trust(const fs::path& file) {
    constexpr int most_links = 40; // as of the kernel's
    std::error_code ec;
    auto rest = fs::absolute(file, ec);
    for (int links = 0; links < most_links; ++links) {
        fs::path way;
        auto part = rest.begin();
        for (; part != rest.end() && !fs::is_symlink(way, ec); ++part)
            way /= *part;
        if (!fs::is_symlink(way, ec))
            return true;
        if (!is_trusted(way))
            return false;
        auto next = way.parent_path() / fs::read_symlink(way, ec);
        for (; part != rest.end(); ++part)
            next /= *part;
        rest = next;
    }
    return false;
}

// add_included: beside a file that a link leads to there may be others tomorrow (sites-available).
void add_included(const std::string& file, std::set<std::string>& to) {
    std::error_code ec;
    const auto real = fs::canonical(file, ec);
    if (ec || leads_by_trust(file))
        return add_folders_of(file, to);
    to.insert(folder_of(file));
    to.insert(real.string());
}

bool is_name(const config::proxy_address& one) {
    return !one.host.empty() && !ip_address::parse(one.host);
}

bool is_name(const config::allowed_user& one) {
    return one.name.find_first_not_of("0123456789") != std::string::npos;
}

// What the C library reads to look up a name. A file that is replaced is another file to the kernel, so it is
// all of /etc, as far as this user may read it.
void add_resolver(os::landlock_rules& to) {
    to.readable.insert({"/etc", "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/run/systemd", "/run/nscd",
                        "/var/run/nscd", "/var/lib/sss"});
    add_folders_of("/etc/resolv.conf", to.readable);
    to.connect.insert(dns_port);
}

void add_user(const config::allowed_user& one, os::landlock_rules& to) {
    if (is_name(one)) // the C library asks the same modules as for hosts
        add_resolver(to);
}

void add_path(const std::string& one, os::landlock_rules& to) {
    to.abstract_sockets |= one.starts_with('@');
}

void add_address(const config::proxy_address& one, os::landlock_rules& to) {
    if (one.path.empty())
        to.connect.insert(one.port);
    else
        add_path(one.path, to);
    if (one.is_asked_for() || is_name(one))
        add_resolver(to);
}

// each_part calls tell(where, add): where the file has a part of a listener or a backend, and what adds to
// rules what that part needs.
template <class Tell>
void each_part(const config::listener_settings& one, Tell tell) {
    tell(one.where, [&](os::landlock_rules& to) {
        if (one.endpoint)
            to.bind.insert(one.endpoint->port);
        if (!one.handoff_path.empty())
            to.socket_folders.insert(folder_of(one.handoff_path));
    });
    for (const auto& user : one.allowed_users)
        tell(user.where, [&](os::landlock_rules& to) { add_user(user, to); });
}

template <class Tell>
void each_part(const config::backend_settings& one, Tell tell) {
    if (const auto* const handoff = one.handoff()) {
        for (std::size_t i = 0; i < handoff->paths.size(); ++i)
            tell(handoff->positions[i], [&](os::landlock_rules& to) { add_path(handoff->paths[i], to); });
        if (handoff->user)
            tell(handoff->user->where, [&](os::landlock_rules& to) { add_user(*handoff->user, to); });
    }
    const auto tell_address = [&](const config::proxy_address& address) {
        tell(address.where, [&](os::landlock_rules& to) { add_address(address, to); });
    };
    if (const auto* const relay = one.relay())
        std::ranges::for_each(relay->addresses, tell_address);
    if (const auto* const forward = one.forward())
        tell_address(forward->address);
}

template <class Tell>
void each_part(const config::metrics_settings& all, Tell tell) {
    for (const auto& one : all.addresses)
        tell(one.where, [&one](os::landlock_rules& to) {
            if (one.endpoint)
                to.bind.insert(one.endpoint->port);
            else
                to.socket_folders.insert(folder_of(one.path));
        });
}

// The default folder is asked for where it is: if it comes later, there is no socket before a restart.
template <class Tell>
void each_part(const config::control_settings& one, Tell tell) {
    std::error_code ec;
    if (!one.path.empty() && (one.is_given || fs::exists(folder_of(one.path), ec)))
        tell(one.where, [&one](os::landlock_rules& to) { to.socket_folders.insert(folder_of(one.path)); });
}

template <class Tell>
void each_part(const config::log_settings& one, Tell tell) {
    if (!one.file.empty())
        tell(one.file_where, [&one](os::landlock_rules& to) { to.log_folders.insert(folder_of(one.file)); });
}

// Whoever is to be found may not be there, and is looked for at each reload.
template <class Tell>
void each_part(const config::tls_settings& one, Tell tell) {
    if (!one.allows_listed_only)
        tell(one.where, [](os::landlock_rules& to) { add_resolver(to); });
}

// add_missing is what one part of the file needs and is not allowed.
void add_missing(const std::string& who, config::position where, const os::landlock_rules& needs,
                 const os::landlock_rules& allowed, int version, std::string_view program,
                 std::vector<config::diagnostic>& to) {
    const auto miss = [&](const auto& wanted, const auto& given, const std::string& what, const auto& print) {
        for (const auto& one : wanted)
            if (!given.contains(one))
                to.push_back(closed_to(where, who + what + print(one), program));
    };
    const auto number = [](std::uint16_t port) { return std::to_string(port); };
    const auto path = [](const std::string& folder) { return folder; };
    const bool asks = needs.readable.contains("/etc");
    if (asks && !allowed.readable.contains("/etc"))
        to.push_back(closed_to(where, who + " has names to look up, and at the start nothing had", program));
    miss(needs.socket_folders, allowed.socket_folders, " makes its sockets in another folder, ", path);
    miss(needs.log_folders, allowed.log_folders, " writes in another folder, ", path);
    if (version >= os::landlock_ports) {
        miss(needs.bind, allowed.bind, " listens on another port, ", number);
        auto connect = needs.connect;
        if (asks)
            connect.erase(dns_port); // it comes with the names
        miss(connect, allowed.connect, " is at another port, ", number);
    }
    if (version >= os::landlock_scopes && needs.abstract_sockets && !allowed.abstract_sockets)
        to.push_back(
            closed_to(where, who + " is in the abstract namespace, and at the start nothing was", program));
}

} // namespace

os::landlock_rules needs_of(const config::configuration& configuration) {
    os::landlock_rules needs;
    add_folders_of(configuration.file, needs.readable);
    needs.readable.insert(configuration.include_folders.begin(), configuration.include_folders.end());
    for (const auto& one : configuration.included) // which may be links
        add_included(one, needs.readable);
    needs.readable.insert({"/proc/self/fd", "/proc/self/statm",
                           "/proc/sys/net/ipv4/ip_unprivileged_port_start",
                           "/proc/sys/net/ipv6/conf/all/disable_ipv6", "/dev/urandom"});
    // A port of the kernel's choice: so it is found out whether an address is this machine's, and
    // `transparent` connections have one. listen(2) without bind(2), of which Landlock does not hear, gives
    // as much.
    needs.bind.insert(0);
    const char* const manager = std::getenv("NOTIFY_SOCKET");
    needs.abstract_sockets = manager != nullptr && *manager == '@';
    const auto collect = [&needs](config::position, const auto& add) { add(needs); };
    for (const auto& one : configuration.listeners)
        each_part(one, collect);
    for (const auto& one : configuration.backends)
        each_part(one, collect);
    each_part(configuration.log, collect);
    if (configuration.tls)
        each_part(*configuration.tls, collect);
    if (configuration.metrics)
        each_part(*configuration.metrics, collect);
    each_part(configuration.control, collect);
    return needs;
}

std::vector<config::diagnostic> beyond(const os::landlock_rules& allowed, int version,
                                       const config::configuration& next, std::string_view program) {
    std::vector<config::diagnostic> found;
    const auto compare = [&](const std::string& who) {
        return [&, who](config::position where, const auto& add) {
            os::landlock_rules needs;
            add(needs);
            add_missing(who, where, needs, allowed, version, program, found);
        };
    };
    for (const auto& one : next.listeners)
        each_part(one, compare("listener \"" + one.address + "\""));
    for (const auto& one : next.backends)
        each_part(one, compare("backend \"" + one.name + "\""));
    each_part(next.log, compare("[log]"));
    if (next.tls)
        each_part(*next.tls, compare("[tls]"));
    if (next.metrics)
        each_part(*next.metrics, compare("[metrics]"));
    if (next.control.is_given)
        each_part(next.control, compare("[control]"));
    return found;
}

} // namespace snipass::server
