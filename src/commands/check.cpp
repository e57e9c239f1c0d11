// SPDX-License-Identifier: BSL-1.0
// `snipass check`.
#include "snipass/commands/check.hpp"

#include "snipass/certificates/authorities.hpp"
#include "snipass/certificates/coverage.hpp"
#include "snipass/certificates/load.hpp"
#include "snipass/certificates/memory.hpp"
#include "snipass/commands/ech.hpp"
#include "snipass/commands/status.hpp"
#include "snipass/config/check.hpp"
#include "snipass/config/parse.hpp"
#include "snipass/os/error.hpp"
#include "snipass/os/users.hpp"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

namespace snipass::commands {
namespace {

constexpr const char* tls_user = "snipass-tls"; // as its unit has it

// as_user: root is that user for a while, as far as files are concerned.
class as_user {
  public:
    explicit as_user(const char* name) {
        const auto* const entry = ::geteuid() == 0 ? ::getpwnam(name) : nullptr;
        const int size = ::getgroups(0, nullptr);
        groups_.resize(static_cast<std::size_t>(std::max(size, 0)));
        if (entry == nullptr || ::getgroups(size, groups_.data()) < 0 ||
            ::initgroups(name, entry->pw_gid) != 0)
            return;
        is_changed_ = true;
        is_there_ = ::setegid(entry->pw_gid) == 0 && ::seteuid(entry->pw_uid) == 0;
    }
    ~as_user() {
        if (!is_changed_)
            return;
        if (::seteuid(0) != 0 || ::setegid(group_) != 0 || ::setgroups(groups_.size(), groups_.data()) != 0)
            std::abort(); // root could always come back
    }
    as_user(const as_user&) = delete;
    as_user& operator=(const as_user&) = delete;

    [[nodiscard]] bool is_there() const noexcept { return is_there_; } // false: there is no such user

  private:
    gid_t group_ = ::getegid();
    std::vector<gid_t> groups_;
    bool is_changed_ = false;
    bool is_there_ = false;
};

// read_certificates is what is wrong with what snipass-tls will read, as far as this user may.
std::vector<config::diagnostic> read_certificates(const config::configuration& file) {
    auto read = certificates::load(file.tls->certificates, std::time(nullptr), config::severity::warning);
    auto clients = certificates::load_authorities(file, std::time(nullptr), config::severity::warning);
    auto shown = certificates::load_shown(file, std::time(nullptr), config::severity::warning);
    auto found = std::move(shown.diagnostics);
    std::ranges::move(clients.diagnostics, std::back_inserter(found));
    std::ranges::move(read.diagnostics, std::back_inserter(found));
    if (read.is_all) // of those that could not be read nobody knows the names
        std::ranges::move(certificates::coverage(read.certificates, file), std::back_inserter(found));
    return found;
}

// warn_of_rights: root may read what snipass-tls may not.
void warn_of_rights(const config::configuration& file, std::vector<config::diagnostic>& found) {
    const as_user served{tls_user};
    if (!served.is_there())
        return;
    auto theirs = read_certificates(file);
    const auto is_known = [&](const auto& one) {
        return std::ranges::any_of(found, [&](const auto& other) { return other.message == one.message; });
    };
    std::erase_if(theirs, is_known);
    for (auto& one : theirs) {
        one.message += std::string{", as user "} + tls_user;
        one.level = config::severity::warning;
    }
    std::ranges::move(theirs, std::back_inserter(found));
}

std::vector<config::diagnostic> find_in_certificates(const config::configuration& file) {
    certificates::watch_memory();
    auto found = read_certificates(file);
    warn_of_rights(file, found);
    return found;
}

void add(config::parsed& parsed, std::vector<config::diagnostic> more) {
    auto& found = parsed.diagnostics;
    std::ranges::move(more, std::back_inserter(found));
    config::name_files(found, *parsed.value);
    std::ranges::stable_sort(found, {}, &config::diagnostic::where);
    if (std::ranges::any_of(found, [](const auto& one) { return one.level == config::severity::error; }))
        parsed.value = nullptr;
}

} // namespace

int check(const std::string& file) {
    auto parsed = config::load(file, os::find_user);
    if (parsed.value && parsed.value->tls)
        add(parsed, find_in_certificates(*parsed.value));
    if (parsed.value && parsed.value->ech)
        add(parsed, check_ech_keys(*parsed.value));
    (parsed.value ? std::cout : std::cerr) << config::check_report(parsed, file);
    return status_of(parsed);
}

// The program is the one beside this one.
int check_live(const std::string& file, const std::string& user) {
    if (const int status = check(file); status != exit_success)
        return status;
    std::error_code ec;
    const auto self = std::filesystem::read_symlink("/proc/self/exe", ec);
    if (ec) {
        std::cerr << "cannot find snipass-tls, which is beside this program: /proc/self/exe: " << ec.message()
                  << "; mount /proc\n";
        return exit_failure;
    }
    const auto program = std::filesystem::path{self}.replace_filename("snipass-tls");
    std::cout << std::flush;
    ::execl(program.c_str(), program.c_str(), "check-live", "--config", file.c_str(), "--user", user.c_str(),
            nullptr);
    std::cerr << "cannot run " << program.string() << ", which speaks TLS: " << os::last_error().message()
              << '\n';
    return exit_failure;
}

} // namespace snipass::commands
