// SPDX-License-Identifier: BSL-1.0
// `snipass check`.
#include "snipass/commands/check.hpp"

#include "snipass/certificates/authorities.hpp"
#include "snipass/certificates/coverage.hpp"
#include "snipass/certificates/load.hpp"
#include "snipass/certificates/memory.hpp"
#include "snipass/commands/status.hpp"
#include "snipass/config/check.hpp"
#include "snipass/config/parse.hpp"
#include "snipass/os/error.hpp"
#include "snipass/os/users.hpp"

#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <iostream>
#include <iterator>

namespace snipass::commands {
namespace {

// check_certificates reads what snipass-tls will read, as far as this user may.
void check_certificates(config::parsed& parsed) {
    const auto& tls = *parsed.value->tls;
    certificates::watch_memory();
    auto read = certificates::load(tls.certificates, std::time(nullptr), config::severity::warning);
    auto clients =
        certificates::load_authorities(*parsed.value, std::time(nullptr), config::severity::warning);
    auto shown = certificates::load_shown(*parsed.value, std::time(nullptr), config::severity::warning);
    auto& found = parsed.diagnostics;
    std::ranges::move(shown.diagnostics, std::back_inserter(found));
    std::ranges::move(clients.diagnostics, std::back_inserter(found));
    std::ranges::move(read.diagnostics, std::back_inserter(found));
    if (read.is_all) // of those that could not be read nobody knows the names
        std::ranges::move(certificates::coverage(read.certificates, *parsed.value),
                          std::back_inserter(found));
    config::name_files(found, *parsed.value);
    std::ranges::stable_sort(found, {}, &config::diagnostic::where);
    if (std::ranges::any_of(found, [](const auto& one) { return one.level == config::severity::error; }))
        parsed.value = nullptr;
}

} // namespace

int check(const std::string& file) {
    auto parsed = config::load(file, os::find_user);
    if (parsed.value && parsed.value->tls)
        check_certificates(parsed);
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
