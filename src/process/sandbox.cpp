// SPDX-License-Identifier: BSL-1.0
// What this process gives up.
#include "snipass/process/sandbox.hpp"

#include "sandbox_needs.hpp"

#include "snipass/handoff/sender.h"
#include "snipass/os/signals.hpp"
#include "snipass/os/system_call_filter.hpp"

#include <boost/system/system_error.hpp>

#include <algorithm>
#include <thread>

namespace snipass::server {
namespace {

using config::log_level;

#if defined(SNIPASS_SANITIZED)
constexpr bool is_sanitized = true; // their own reports need processes, and files
#else
constexpr bool is_sanitized = false;
#endif

} // namespace

void sandbox::close(const config::configuration& configuration, const confinement& role) {
    program_ = role.program;
    is_required_ = configuration.server.sandbox == config::sandbox_mode::required;
    if (configuration.server.sandbox == config::sandbox_mode::off)
        return;
    what_.clear();
    if (is_sanitized)
        return lack("nothing: this is a build with sanitizers");
    handoff_remember_users(&handoff_libc);
    close_files_and_ports(configuration, role.readable);
    // Kernels before 5.16 would slow them down; of that age none has this version.
    workers_open_files_ = role.workers_open_files || version_ < os::landlock_moves;
    close_system_calls(role.system_calls);
    if (!workers_open_files_)
        try_worker();
}

// try_worker: a thread of its own finds out now what each worker will be told.
void sandbox::try_worker() {
    error_code ec;
    {
        const os::all_signals_blocked blocked; // those of the process are this thread's
        std::thread{[&ec] { ec = os::forbid_opening(); }}.join();
    }
    workers_open_files_ = ec.failed();
    ec ? lack("workers may open files: " + ec.message()) : note("workers open no file");
}

void sandbox::confine_worker() const {
    if (workers_open_files_)
        return;
    if (const auto ec = os::forbid_opening(); ec && is_required_)
        throw boost::system::system_error{ec, "sandbox = \"required\""}; // and the process ends
}

bool sandbox::tell(log& log) const {
    log.write(is_partial_ ? log_level::warn : log_level::info, "sandbox", {{"confined", what_}});
    if (!is_partial_ || !is_required_)
        return true;
    log.write(log_level::error,
              "not started: this system cannot confine all that sandbox = \"required\" asks for; "
              "write \"on\" to start with what it can");
    return false;
}

void sandbox::close_files_and_ports(const config::configuration& configuration,
                                    const std::vector<std::string>& readable) {
    version_ = os::landlock_version();
    if (version_ == 0)
        return lack("no Landlock on this kernel: files, ports and signals are not confined");
    allowed_ = needs_of(configuration);
    allowed_.readable.insert(readable.begin(), readable.end());
    if (const auto ec = os::restrict_by_landlock(allowed_)) {
        version_ = 0;
        return lack("Landlock: " + ec.message());
    }
    note("files");
    version_ >= os::landlock_ports ? note("TCP ports") : lack("TCP ports not before Linux 6.7");
    version_ >= os::landlock_scopes ? note("signals") : lack("signals not before Linux 6.12");
}

void sandbox::close_system_calls(std::span<const long> all) {
    auto ec = all.empty() ? error_code{} : os::allow_system_calls(all);
    if (!ec)
        ec = os::filter_system_calls();
    if (ec)
        return lack("system calls: " + ec.message());
    note(all.empty() ? "system calls" : "system calls but " + std::to_string(all.size()));
}

void sandbox::note(const std::string& part) {
    what_ += (what_.empty() ? "" : ", ") + part;
}

void sandbox::lack(const std::string& part) {
    note(part);
    is_partial_ = true;
}

std::vector<config::diagnostic> sandbox::problems(const std::string& file, const config::parsed& next) const {
    if (version_ == 0)
        return {};
    if (next.value) {
        auto found = beyond(allowed_, version_, *next.value, program_);
        config::name_files(found, *next.value);
        return found;
    }
    std::set<std::string> folders;
    if (!next.was_read)
        add_folders_of(file, folders);
    for (const auto& one : next.denied)
        add_folders_of(one, folders);
    std::vector<config::diagnostic> found;
    for (const auto& one : folders)
        if (std::ranges::none_of(allowed_.readable, [&one](const auto& top) { return is_below(one, top); }))
            found.push_back(closed_to({}, "it was not in the folder " + one + " at the start", program_));
    return found;
}

} // namespace snipass::server
