// SPDX-License-Identifier: BSL-1.0
// The command line of snipass-tls, and its role: it reads the router's file, and the certificates that it
// names.
#include "snipass/base/version.hpp"
#include "snipass/certificates/authorities.hpp"
#include "snipass/certificates/coverage.hpp"
#include "snipass/certificates/load.hpp"
#include "snipass/certificates/memory.hpp"
#include "snipass/live/check.hpp"
#include "snipass/operating/certificate_state.hpp"
#include "snipass/os/error.hpp"
#include "snipass/os/kernel_tls.hpp"
#include "snipass/os/signals.hpp"
#include "snipass/os/standard_descriptors.hpp"
#include "snipass/process/daemon.hpp"
#include "snipass/process/last_words.hpp"
#include "snipass/process/stand_in.hpp"
#include "snipass/terminate/service.hpp"
#include "snipass/terminate/system_calls.hpp"
#include "snipass/terminate/tickets.hpp"

#include <CLI/CLI.hpp>

#include <sys/prctl.h>
#include <sys/resource.h>

#include <algorithm>
#include <ctime>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace snipass;

constexpr const char* program = "snipass-tls";
constexpr int exit_failure = 1;
constexpr int exit_mistake = 2; // in the file, or in what was asked

bool is_error(const config::diagnostic& one) {
    return one.level == config::severity::error;
}

bool wants_kernel_tls(const config::backend_settings& one) {
    return one.termination && one.termination->plaintext == config::plaintext_kind::ktls;
}

// warn_of_kernel: what backends are to get this machine may not have. Their clients are served all the same.
void warn_of_kernel(const config::configuration& configuration, std::vector<config::diagnostic>& problems) {
    const auto first = std::ranges::find_if(configuration.backends, wants_kernel_tls);
    if (first == configuration.backends.end() || os::offers_kernel_tls())
        return;
    problems.push_back(
        {config::severity::warning, first->termination->plaintext_where,
         "backend." + first->name +
             ".plaintext: this kernel has no TLS, so its clients are relayed; run modprobe tls, and "
             "write the line \"tls\" into /etc/modules-load.d/snipass-tls.conf"});
}

// states_of is what an admin is told of certificates.
std::vector<server::certificate_state> states_of(const std::vector<certificates::certificate>& all) {
    std::vector<server::certificate_state> made;
    for (const auto& one : all)
        made.push_back({.file = one.file,
                        .name = one.names.front(),
                        .name_count = one.names.size(),
                        .begins = server::wall_time_of(one.begins),
                        .ends = server::wall_time_of(one.ends)});
    return made;
}

// tls_role ends the TLS of clients that the router hands over. Its ticket keys outlive every reload.
class tls_role final : public server::role {
  public:
    [[nodiscard]] server::prepared prepare(const std::string& file) override {
        server::prepared made{load(file, config::part::tls)};
        if (made.parsed.value)
            equip(made);
        return made;
    }

    [[nodiscard]] server::confinement confine(const config::configuration& configuration) const override {
        auto all = certificates::sources_of(configuration);
        std::ranges::copy(configuration.tls->certificates, std::back_inserter(all));
        return {certificates::folders_of(all), terminate::system_calls(), program, false};
    }

    [[nodiscard]] bool takes_nobody_new() override { return stand_in.leave(); }

    server::stand_in stand_in;

  private:
    void equip(server::prepared& made) {
        auto& problems = made.parsed.diagnostics;
        const auto& configuration = *made.parsed.value;
        if (configuration.tls)
            made.terminator = make_service(configuration, made);
        else
            problems.push_back(
                {config::severity::error, {}, "no [tls], which is what snipass-tls is for; write one"});
        warn_of_kernel(configuration, problems);
        config::name_files(problems, configuration);
        if (std::ranges::any_of(problems, is_error))
            made.parsed.value = nullptr;
        else if (!std::exchange(keeps_keys_, true))
            keep_keys(*configuration.tls, problems);
    }

    // make_service reads all files. Null: there are no certificates for clients.
    std::shared_ptr<terminate::service> make_service(const config::configuration& configuration,
                                                     server::prepared& made) {
        auto& problems = made.parsed.diagnostics;
        const auto now = std::time(nullptr);
        auto read = certificates::load(configuration.tls->certificates, now);
        const auto clients = certificates::load_authorities(configuration, now);
        const auto shown = certificates::load_shown(configuration, now);
        const auto tell = [&problems](const auto& found) {
            std::ranges::copy(found.diagnostics, std::back_inserter(problems));
        };
        tell(read);
        tell(clients);
        tell(shown);
        made.certificates = states_of(read.certificates);
        if (read.has_errors())
            return nullptr;
        std::ranges::copy(certificates::coverage(read.certificates, configuration),
                          std::back_inserter(problems));
        const bool may_offload = std::ranges::any_of(configuration.backends, wants_kernel_tls);
        terminate::contexts known{std::move(read.certificates), *configuration.tls, keys_, may_offload,
                                  problems};
        terminate::backend_contexts towards_backends{shown.by_backend, problems};
        return std::make_shared<terminate::service>(std::move(known), std::move(towards_backends),
                                                    terminate::trust{clients.files}, *configuration.tls);
    }

    // keep_keys: at the start, because a process that is confined opens no file to write.
    void keep_keys(const config::tls_settings& tls, std::vector<config::diagnostic>& problems) {
        const auto path = tls.handoff_path + std::string{config::tickets_suffix};
        auto file = terminate::ticket_file::open(path);
        const auto unkept = file ? keys_.keep_in(std::move(*file)) : error_code{};
        if (file && !unkept)
            return;
        std::string why = "another process has locked it (lslocks says which); end that one, and restart";
        if (unkept && !os::would_block(unkept))
            why = unkept.message();
        if (!file)
            why = file.error() == os::make_error(EPERM) ? "it is not this user's alone (mode 0600); remove it"
                                                        : file.error().message();
        problems.push_back({config::severity::warning, tls.where,
                            "tls.handoff: the keys of session tickets cannot be kept in " + path + ": " +
                                why + "; after a restart clients do a full handshake"});
    }

    terminate::ticket_keys keys_;
    bool keeps_keys_ = false;
};

// hide keeps the keys in this process: no core file, and no debugger of the same user.
void hide() {
    constexpr rlimit none{0, 0};
    (void)::setrlimit(RLIMIT_CORE, &none);
    (void)::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

int run_program(int argc, char** argv) {
    os::open_standard_descriptors();
    const auto signals = os::hold_signals(); // a deployment's SIGHUP may be quicker than our start
    CLI::App app{
        "snipass-tls does the TLS handshake for backends that speak none: the router hands it their clients, "
        "and it hands on what they say in clear."};
    app.set_version_flag("--version", "snipass-tls " + std::string{version_text});
    app.require_subcommand(1);
    std::string file;
    auto* run_command =
        app.add_subcommand("run", "Serve, in the foreground. SIGHUP reads the file and the certificates "
                                  "again, SIGTERM drains and stops, SIGUSR1 logs the counters.");
    auto* live_command = app.add_subcommand("check-live", "What snipass check --live runs.");
    std::string user;
    live_command->group(""); // not in --help
    live_command->add_option("--config", file)->required();
    live_command->add_option("--user", user)->required();
    auto* option =
        run_command->add_option("--config", file, "the configuration file, which is the router's, too")
            ->default_val(SNIPASS_CONFIGURATION);
    run_command->add_option("FILE", file, "the same")->excludes(option);
    bool stands_in = false;
    run_command->add_flag(
        "--stand-in", stands_in,
        "serve in a second process, and end as soon as that takes nobody new: a service manager "
        "can begin the next one while clients are served on (KillMode=process, NotifyAccess=all)");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& end) { // or --help, or --version
        ::pthread_sigmask(SIG_SETMASK, &signals, nullptr);
        if (argc > 1 && std::string_view{argv[1]} == "check") {
            std::cerr << "write snipass check: it looks at the file and the certificates of both programs\n";
            return exit_mistake;
        }
        return os::end_of_output(app.exit(end) == 0 ? 0 : exit_mistake);
    }
    if (live_command->parsed()) {
        ::pthread_sigmask(SIG_SETMASK, &signals, nullptr);
        return live::check(file, user);
    }
    static tls_role role; // a thread may read the file when this process ends
    if (stands_in)
        if (const auto status = role.stand_in.begin())
            return *status;
    return server::run_daemon(file, role);
}

} // namespace

int main(int argc, char** argv) {
    hide();
    certificates::watch_memory();
    server::end_with_last_words(program);
    try {
        return run_program(argc, argv);
    } catch (...) { // no descriptors, threads or memory to begin with
        (void)server::last_words();
        return exit_failure;
    }
}
