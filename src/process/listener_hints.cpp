// SPDX-License-Identifier: BSL-1.0
// What to write where a listener cannot be opened.
#include "snipass/process/listener_hints.hpp"

#include "snipass/config/parse.hpp"
#include "snipass/os/error.hpp"
#include "snipass/os/local_address.hpp"
#include "snipass/os/tcp.hpp"

#include <filesystem>
#include <system_error>

namespace snipass::server {
namespace {

// Of an address, or of the same port of any address that is within it.
std::string in_use(const ip_endpoint& address) {
    if (address.port == 0)
        return "no port is free";
    const auto port = std::to_string(address.port);
    return "another program listens there, or on that port of an address within it: ss -ltnp sport = :" +
           port + " tells which";
}

std::string not_here(const config::listener_settings& one, const ip_endpoint& address) {
    const auto interface = os::interface_with(address.address);
    if (interface.empty() && !address.address.is_v4() && os::ipv6_is_off())
        return "IPv6 is switched off on this machine (net.ipv6.conf.all.disable_ipv6); write an IPv4 "
               "address, or \"*:" +
               std::to_string(address.port) + "\" for what there is";
    if (interface.empty())
        return "no interface of this machine has the address; where it comes later, "
               "After=network-online.target in the "
               "unit waits for it";
    if (!one.interface.empty() && interface != one.interface)
        return "it is not on that interface; write \"[" + address.address.to_string() + "%" + interface +
               "]:" + std::to_string(address.port) + "\"";
    return "interface " + interface +
           " has it, and cannot use it yet: IPv6 asks first whether another machine has it; "
           "After=network-online.target in the unit waits for that";
}

std::string no_family(const ip_endpoint& address) {
    const auto port = std::to_string(address.port);
    const auto every = "\"*:" + port + "\" for what there is";
    if (address.address.is_v4())
        return "there is no IPv4 here";
    const bool any = address.address == ip_address{};
    const bool loopback = address.address == *ip_address::parse("::1");
    return "there is no IPv6 here: write " + (any        ? "\"0.0.0.0:" + port + "\", or " + every
                                              : loopback ? "\"127.0.0.1:" + port + "\""
                                                         : "an IPv4 address, or " + every);
}

std::string forbidden(const ip_endpoint& address) {
    const auto first = os::first_unprivileged_port();
    const bool privileged = address.port > 0 && address.port < first;
    if (privileged && !os::may_bind_any_port())
        return "a port below " + std::to_string(first) + " needs CAP_NET_BIND_SERVICE";
    return std::string{"a security policy of this machine forbids it, such as SELinux"} +
           (privileged
                ? "; or the network is not that of this user namespace, where CAP_NET_BIND_SERVICE counts"
                : "");
}

} // namespace

std::string hint_for(const config::listener_settings& one, const ip_endpoint& address, const error_code& ec) {
    switch (os::errno_of(ec)) {
    case EADDRINUSE:
        return in_use(address);
    case EADDRNOTAVAIL:
        return not_here(one, address);
    case EAFNOSUPPORT:
        return no_family(address);
    case EACCES:
        return forbidden(address);
    case EPERM:
        return "a sandbox forbids it, such as SocketBindDeny= in the unit";
    case EMFILE:
        return "raise LimitNOFILE=";
    default:
        return {};
    }
}

std::string hint_for_copy(const error_code& ec) {
    return os::out_of_descriptors(ec) ? "raise LimitNOFILE=, or have fewer workers" : std::string{};
}

std::string hint_for_path(const std::string& path, const error_code& ec) {
    std::error_code unseen;
    const std::filesystem::path file{path};
    const auto folder = file.parent_path().string();
    switch (os::errno_of(ec)) {
    case ENOENT:
        return "there is no folder " + folder + "; RuntimeDirectory= in the unit makes one in /run";
    case ENOTDIR:
        return folder + " is no folder";
    case EACCES:
        (void)std::filesystem::status(file, unseen);
        return unseen == std::errc::permission_denied ? "this user may not enter " + folder
                                                      : "this user may not make files in " + folder;
    case EROFS:
        return folder + " is read-only here; ReadWritePaths= in the unit names what is not";
    case EADDRINUSE:
        if (!std::filesystem::is_socket(std::filesystem::symlink_status(file, unseen)))
            return "it is no socket: remove it, or write another path";
        return "another program listens there";
    case EMFILE:
        return "raise LimitNOFILE=";
    case ENOSPC:
        return "no more files fit into the file system of " + folder + " (df -i)";
    default:
        return {};
    }
}

void open_all(http_door& door, const std::vector<config::metrics_address>& wanted, const std::string& key,
              const std::string& file, std::vector<std::string>& problems) {
    for (const auto& [one, why] : door.open(wanted, problems.empty())) {
        const auto hint = one.endpoint ? hint_for({}, *one.endpoint, why) : hint_for_path(one.path, why);
        const config::diagnostic found{config::severity::error, one.where,
                                       key + ": cannot listen on " + one.text + ": " + why.message() +
                                           (hint.empty() ? "" : " (" + hint + ")")};
        problems.push_back(file.empty() ? found.message : found.to_string(file));
    }
}

} // namespace snipass::server
