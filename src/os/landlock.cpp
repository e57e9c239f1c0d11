// SPDX-License-Identifier: BSL-1.0
// Landlock, by its system calls: there is no library for it, and Debian 12's headers know its first version.
#include "snipass/os/landlock.hpp"

#include "snipass/os/error.hpp"
#include "snipass/os/unique_fd.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>

namespace snipass::os {
namespace {

// linux/landlock.h, of Linux 6.12.
struct ruleset_attributes {
    std::uint64_t files;
    std::uint64_t network;
    std::uint64_t scoped;
};
struct [[gnu::packed]] path_rule {
    std::uint64_t allowed;
    std::int32_t parent;
};
struct port_rule {
    std::uint64_t allowed;
    std::uint64_t port;
};
enum rule_type : int {
    path_beneath = 1,
    net_port = 2
};

namespace file {
constexpr std::uint64_t write = 1U << 1;
constexpr std::uint64_t read = 1U << 2;
constexpr std::uint64_t read_folder = 1U << 3;
constexpr std::uint64_t remove = 1U << 5;
constexpr std::uint64_t make_file = 1U << 8;
constexpr std::uint64_t make_socket = 1U << 9;
} // namespace file
namespace net {
constexpr std::uint64_t bind = 1U << 0;
constexpr std::uint64_t connect = 1U << 1;
} // namespace net
namespace scope {
constexpr std::uint64_t abstract_sockets = 1U << 0;
constexpr std::uint64_t signals = 1U << 1;
} // namespace scope

// all_of: the lowest `bits` rights.
constexpr std::uint64_t all_of(unsigned bits) {
    return (std::uint64_t{1} << bits) - 1;
}

// Each version of the kernel's knows some more rights on files.
std::uint64_t known_file_rights(int version) {
    constexpr unsigned bits[] = {13, 14, 15, 15, 16};
    return all_of(bits[std::clamp<int>(version, 1, std::size(bits)) - 1]);
}

ruleset_attributes handled(const landlock_rules& rules, int version) {
    ruleset_attributes all{known_file_rights(version), 0, 0};
    if (version >= landlock_ports)
        all.network = net::bind | net::connect;
    if (version >= landlock_scopes)
        all.scoped = rules.abstract_sockets ? scope::signals : scope::signals | scope::abstract_sockets;
    return all;
}

error_code add(int ruleset, rule_type type, const void* rule) {
    return ::syscall(SYS_landlock_add_rule, ruleset, type, rule, 0) == 0 ? error_code{} : last_error();
}

error_code allow(int ruleset, const std::string& path, std::uint64_t rights) {
    const unique_fd there{::open(path.c_str(), O_PATH | O_CLOEXEC)};
    struct stat found {};
    if (!there || ::fstat(there.get(), &found) != 0)
        return {}; // nobody can read what is not there
    if (!S_ISDIR(found.st_mode))
        rights &= file::read;
    const path_rule rule{rights, there.get()};
    return add(ruleset, path_beneath, &rule);
}

error_code allow(int ruleset, const std::set<std::uint16_t>& ports, std::uint64_t right) {
    for (const auto port : ports) {
        const port_rule rule{right, port};
        if (const auto ec = add(ruleset, net_port, &rule))
            return ec;
    }
    return {};
}

error_code allow_all(int ruleset, const landlock_rules& rules, int version) {
    for (const auto& path : rules.readable)
        if (const auto ec = allow(ruleset, path, file::read | file::read_folder))
            return ec;
    for (const auto& path : rules.socket_folders)
        if (const auto ec = allow(ruleset, path, file::read_folder | file::make_socket | file::remove))
            return ec;
    for (const auto& path : rules.log_folders)
        if (const auto ec = allow(ruleset, path, file::write | file::make_file))
            return ec;
    if (version < landlock_ports)
        return {};
    if (const auto ec = allow(ruleset, rules.bind, net::bind))
        return ec;
    return allow(ruleset, rules.connect, net::connect);
}

} // namespace

int landlock_version() noexcept {
    constexpr unsigned ask_version = 1;
    const auto version = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, ask_version);
    return version > 0 ? static_cast<int>(version) : 0;
}

error_code restrict_by_landlock(const landlock_rules& rules) {
    const int version = landlock_version();
    const auto attributes = handled(rules, version);
    // An older kernel refuses what it does not know, unless it is zero.
    const unique_fd ruleset{
        static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0))};
    if (!ruleset)
        return last_error();
    if (const auto ec = allow_all(ruleset.get(), rules, version))
        return ec;
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        ::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0)
        return last_error();
    return {};
}

} // namespace snipass::os
