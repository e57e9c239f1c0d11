// SPDX-License-Identifier: BSL-1.0
// snipass-ech: it has the keys of Encrypted ClientHello, and opens hellos for the router. Small on purpose:
// it reads no hello, has no network, and confines itself before it answers anybody.
#include "snipass/base/version.hpp"
#include "snipass/config/parse.hpp"
#include "snipass/ech_keys/key_files.hpp"
#include "snipass/ech_keys/service.hpp"
#include "snipass/ech_keys/system_calls.hpp"
#include "snipass/handoff/sender.h"
#include "snipass/os/error.hpp"
#include "snipass/os/landlock.hpp"
#include "snipass/os/standard_descriptors.hpp"
#include "snipass/os/system_call_filter.hpp"
#include "snipass/os/systemd.hpp"
#include "snipass/os/unix_listener.hpp"
#include "snipass/os/users.hpp"

#include <CLI/CLI.hpp>

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace snipass;

constexpr int exit_failure = 1;
constexpr int exit_mistake = 2; // in the file, or in what was asked
constexpr mode_t socket_mode = 0660;

#if defined(SNIPASS_SANITIZED)
constexpr bool is_sanitized = true; // their own reports need processes, and files
#else
constexpr bool is_sanitized = false;
#endif

void say(const std::string& what) {
    std::cerr << "snipass-ech: " << what << '\n';
}

// hide keeps the keys in this process: no core file, and no debugger of the same user.
void hide() {
    constexpr rlimit none{0, 0};
    (void)::setrlimit(RLIMIT_CORE, &none);
    (void)::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

// helper is the program's state: the file, and who answers.
class helper {
  public:
    explicit helper(std::string file) : file_(std::move(file)) {}

    int run(int signals);

  private:
    [[nodiscard]] std::shared_ptr<const config::configuration> load();
    [[nodiscard]] bool confine(const config::configuration& configuration);
    [[nodiscard]] bool use_keys(const config::ech_settings& ech); // false: the folder cannot be read
    void reload();
    int serve(int signals);

    std::string file_;
    bool is_confined_ = false;
    std::map<std::string, std::optional<std::uint32_t>> users_; // as they were before
    std::string listens_at_;
    os::unique_fd manager_ = os::notify_socket();
    std::optional<ech_keys::service> service_;
};

// load tells what is wrong. Null: the file cannot be used.
std::shared_ptr<const config::configuration> helper::load() {
    const auto find = [this](const std::string& name) -> result<std::optional<std::uint32_t>> {
        if (const auto known = users_.find(name); known != users_.end())
            return known->second;
        if (is_confined_)
            return os::make_error(EACCES);
        auto found = os::find_user(name);
        if (found)
            users_.emplace(name, *found);
        return found;
    };
    auto parsed = config::load(file_, find, config::part::ech);
    for (const auto& one : parsed.diagnostics)
        if (one.level == config::severity::error || !parsed.value)
            std::cerr << one.to_string(file_) << '\n';
    if (!parsed.value)
        return nullptr;
    if (!parsed.value->ech) {
        say("no [ech] in " + file_ + ", which is what snipass-ech is for; write one");
        return nullptr;
    }
    return std::move(parsed.value);
}

bool helper::use_keys(const config::ech_settings& ech) {
    auto folder = ech_keys::read_folder(ech.keys);
    for (const auto& one : folder.problems)
        say(one);
    if (!folder.was_read)
        return false;
    service_->use(std::move(folder.keys));
    const auto count = service_->key_count();
    say(count == 0 ? "no keys: no hello is opened (snipass ech new-key PUBLIC_NAME makes one)"
                   : std::to_string(count) + (count == 1 ? " key" : " keys"));
    (void)os::notify(manager_, "READY=1\nSTATUS=" + std::to_string(count) + " keys\n");
    return true;
}

// confine gives up all that is not needed any more. False: it cannot, and sandbox = "required".
bool helper::confine(const config::configuration& configuration) {
    using std::filesystem::path;
    if (configuration.server.sandbox == config::sandbox_mode::off || is_sanitized)
        return true;
    handoff_remember_users(&handoff_libc);
    os::landlock_rules rules;
    rules.readable = {configuration.ech->keys, std::filesystem::absolute(file_).parent_path().string()};
    rules.readable.insert(configuration.include_folders.begin(), configuration.include_folders.end());
    rules.socket_folders = {path{configuration.ech->helper_path}.parent_path().string()};
    is_confined_ = true;
    std::string lacks;
    const auto note = [&lacks](const char* what, const error_code& ec) {
        if (ec)
            lacks += std::string{lacks.empty() ? "" : ", "} + what + ": " + ec.message();
    };
    note("files", os::landlock_version() == 0 ? os::make_error(ENOSYS) : os::restrict_by_landlock(rules));
    note("system calls", os::allow_system_calls(ech_keys::system_calls()));
    note("system calls", os::filter_system_calls());
    if (lacks.empty())
        return true;
    say("not confined: " + lacks);
    return configuration.server.sandbox != config::sandbox_mode::required;
}

void helper::reload() {
    const auto configuration = load();
    if (!configuration)
        return say("NOT RELOADED: the keys of before stay in use");
    if (configuration->ech->helper_path != listens_at_)
        say("ech.helper takes a restart; it stays " + listens_at_);
    if (!use_keys(*configuration->ech))
        say("NOT RELOADED: the keys of before stay in use");
}

int helper::serve(int signals) {
    using std::chrono::steady_clock;
    const auto interval = os::watchdog_interval().value_or(std::chrono::hours{1}) / 3;
    for (;;) {
        if (const auto ec = service_->serve(signals, steady_clock::now() + interval)) {
            say(ec.message());
            return exit_failure;
        }
        (void)os::notify(manager_, "WATCHDOG=1");
        signalfd_siginfo one{};
        if (::read(signals, &one, sizeof one) != sizeof one)
            continue;
        if (one.ssi_signo != SIGHUP)
            return 0;
        reload();
    }
}

int helper::run(int signals) {
    const auto configuration = load();
    if (!configuration)
        return exit_mistake;
    const auto& ech = *configuration->ech;
    auto listener = os::listen_unix(ech.helper_path, SOCK_SEQPACKET, socket_mode);
    if (!listener) {
        say("unix:" + ech.helper_path + ": " + listener.error().message());
        return exit_failure;
    }
    listens_at_ = ech.helper_path;
    std::vector<std::uint32_t> allowed;
    for (const auto& user : ech.allowed_users)
        if (user.id)
            allowed.push_back(*user.id);
    if (!ech_keys::is_available()) {
        say("OpenSSL has no X25519, HMAC-SHA256, AES-GCM or ChaCha20-Poly1305");
        return exit_failure;
    }
    if (!confine(*configuration))
        return exit_failure;
    service_.emplace(std::move(listener->fd), std::move(allowed));
    return use_keys(ech) ? serve(signals) : exit_failure;
}

int run_program(int argc, char** argv) {
    os::open_standard_descriptors();
    CLI::App app{
        "snipass-ech has the keys of Encrypted ClientHello, and opens hellos for snipass, which has none."};
    app.set_version_flag("--version", "snipass-ech " + std::string{version_text});
    app.require_subcommand(1);
    std::string file;
    auto* const run = app.add_subcommand(
        "run", "Serve, in the foreground. SIGHUP reads the file and the keys again, SIGTERM stops.");
    auto* const option =
        run->add_option("--config", file, "the configuration file, which is the router's, too")
            ->default_val(SNIPASS_CONFIGURATION);
    run->add_option("FILE", file, "the same")->excludes(option);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& end) { // or --help, or --version
        return os::end_of_output(app.exit(end) == 0 ? 0 : exit_mistake);
    }
    sigset_t ours;
    sigemptyset(&ours);
    for (const int one : {SIGHUP, SIGINT, SIGTERM})
        sigaddset(&ours, one);
    (void)::sigprocmask(SIG_BLOCK, &ours, nullptr);
    (void)std::signal(SIGPIPE, SIG_IGN);
    const os::unique_fd signals{::signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK)};
    return helper{file}.run(signals.get());
}

} // namespace

int main(int argc, char** argv) {
    hide();
    try {
        return run_program(argc, argv);
    } catch (const std::exception& bug) { // no memory, or a bug
        say(bug.what());
        return exit_failure;
    }
}
