// SPDX-License-Identifier: BSL-1.0
// The command line. What its commands do is in the libraries.
#include "snipass/base/quoted.hpp"
#include "snipass/base/version.hpp"
#include "snipass/commands/ask.hpp"
#include "snipass/commands/check.hpp"
#include "snipass/commands/ech.hpp"
#include "snipass/commands/explain.hpp"
#include "snipass/commands/status.hpp"
#include "snipass/os/signals.hpp"
#include "snipass/os/standard_descriptors.hpp"
#include "snipass/process/daemon.hpp"
#include "snipass/process/last_words.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

namespace {

using namespace snipass;
using namespace snipass::commands;

constexpr const char* exit_statuses = "Exit status: 0 done; 1 it failed, or may not be asked by this user; 2 "
                                      "a mistake in the file, or in what was "
                                      "asked; 3 no router of this file runs that could be asked.";

constexpr const char* words[] = {"run",    "check", "explain", "status", "sessions", "drain",
                                 "resume", "close", "reload",  "reopen", "upgrade",  "ech"};

std::string listed_words() {
    std::string text;
    for (const auto& one : words)
        text += (&one == words ? "" : &one + 1 == std::end(words) ? " or " : ", ") + std::string{one};
    return text;
}

// command_problem is what is wrong with the words as a whole, which the parser of options does not see.
// Empty: nothing.
std::string command_problem(const std::vector<std::string>& given) {
    const auto& first = given.empty() ? std::string{"--help"} : given.front();
    if (first == "-v" || first == "-V")
        return "write snipass --version";
    if (first.starts_with("--config"))
        return "a command stands in front of --config; write snipass, then " + listed_words() +
               ", and then --config FILE";
    if (!first.starts_with('-') && std::ranges::find(words, first) == std::end(words))
        return in_quotes(first) + " is no command; write snipass and " + listed_words() +
               "; snipass --help says what they do";
    for (std::size_t i = 1; first == "explain" && i < given.size(); ++i)
        if (given[i].ends_with(".toml") && !given[i].starts_with('-') && !given[i - 1].starts_with('-'))
            return in_quotes(given[i]) + " is no host name; write --config " + given[i];
    return {};
}

// line is the command line: its options, and what they are read into.
class line {
  public:
    line() {
        app_.set_version_flag("--version", "snipass " + std::string{version_text});
        app_.require_subcommand(1);
        app_.footer(exit_statuses);
        add("run", "Serve, in the foreground. SIGHUP reloads, SIGTERM drains and stops, SIGUSR1 logs the "
                   "counters.")
            ->add_option(
                "--can-take-over", state_version_,
                "do not serve: would it go on with what a router leaves whose state has this version? "
                "Exit status 0, or 2")
            ->each([this](const std::string&) { is_question_ = true; });
        add_check(*add("check", "Print every mistake in the file. Exit status 0, or 2."));
        add_explain(*add("explain", "Say which route and backend a client would get, and why."));
        add_asking();
    }

    int parse(int argc, char** argv) {
        try {
            app_.parse(argc, argv);
        } catch (const CLI::ParseError& end) { // or --help, or --version
            return app_.exit(end) == 0 ? os::end_of_output(exit_success) : exit_mistake;
        }
        return -1;
    }

    [[nodiscard]] bool is_run() const { return app_.got_subcommand("run") && !is_question_; }
    [[nodiscard]] const std::string& file() const noexcept { return explained_.config; }
    int obey();

  private:
    CLI::App* add(const std::string& name, const std::string& help);
    void add_check(CLI::App& to);
    void add_explain(CLI::App& to);
    void add_asking();
    void add_ech(CLI::App& to);

    CLI::App app_{"snipass routes TLS connections by name: it passes the client's socket to the backend, and "
                  "is out of the way."};
    explain_options explained_;
    unsigned state_version_ = 0;
    bool is_question_ = false; // of run, which does not begin then
    bool is_live_ = false;
    std::string user_ = "snipass";
    bool json_ = false;
    std::string backend_;
    std::string address_;
    std::string id_;
    std::string action_; // of ech
    std::string public_name_;
};

CLI::App* line::add(const std::string& name, const std::string& help) {
    auto* const made = app_.add_subcommand(name, help);
    made->footer(exit_statuses);
    auto* const option = made->add_option("--config", explained_.config, "the configuration file")
                             ->default_val(SNIPASS_CONFIGURATION);
    if (name == "run" || name == "check")
        made->add_option("FILE", explained_.config, "the same")->excludes(option);
    return made;
}

void line::add_check(CLI::App& to) {
    auto* const live = to.add_flag("--live", is_live_,
                                   "try the backends, too: hand each a client, and look at its certificates");
    to.add_option("--user", user_, "as whom root does that")->capture_default_str()->needs(live);
}

void line::add_explain(CLI::App& to) {
    auto& query = explained_.query;
    auto* const name = to.add_option("HOST_NAME", query.host_name,
                                     "the name the client asks for; none: it sends no server_name");
    to.add_option("--alpn", query.alpn, "a protocol the client offers; may be repeated")
        ->allow_extra_args(false);
    to.add_option("--source", explained_.source, "the client's IP address");
    to.add_option("--listener", query.listener, "the listener's address, as in the file");
    auto* const hello = to.add_option("--hello", explained_.hello,
                                      "a captured ClientHello, binary or hexadecimal, instead of a name")
                            ->excludes(name);
    to.add_option("--http", explained_.request,
                  "a request in clear, such as \"GET http://www.example.com/\", instead of a name")
        ->excludes(name, hello);
}

void line::add_asking() {
    auto* const status = add("status", "Say how the router is that runs.");
    auto* const sessions = add("sessions", "List its clients that wait, are held or relayed.");
    for (auto* const one : {status, sessions})
        one->add_flag("--json", json_, "for programs");
    sessions->add_option("--backend", backend_, "of this backend alone");
    auto* const drain = add("drain", "Let a backend have no new clients, or one of its addresses.");
    auto* const resume = add("resume", "Let it have new clients again.");
    for (auto* const one : {drain, resume}) {
        one->add_option("BACKEND", backend_, "its name")->required();
        one->add_option("ADDRESS", address_, "as in the file, such as \"10.0.0.5:443\"");
    }
    add("close", "End one client's session.")->add_option("ID", id_, "as sessions lists it")->required();
    add("reload",
        "Read the file again, wait, and print its mistakes or what has changed. Exit status 0, or 2.");
    add("reopen", "Open the file of sessions again, for whoever has renamed it.");
    add_ech(*add(
        "ech", "Make a key of Encrypted ClientHello (new-key), or list those that snipass-ech has (list)."));
    add("upgrade", "Let the router that runs leave its clients to this program, if its file has no mistake.");
}

void line::add_ech(CLI::App& to) {
    to.add_option("ACTION", action_, "new-key or list")
        ->required()
        ->check(CLI::IsMember({"new-key", "list"}));
    to.add_option("PUBLIC_NAME", public_name_, "of new-key: the name by which clients come in clear");
}

int line::obey() {
    const auto& name = app_.get_subcommands().front()->get_name();
    const std::string path = "/" + name;
    if (name == "check")
        return is_live_ ? check_live(file(), user_) : check(file());
    if (name == "explain")
        return explain(explained_);
    if (name == "run")
        return can_take_over(file(), state_version_);
    if (name == "ech")
        return action_ == "list" ? list_ech_keys(file()) : new_ech_key(file(), public_name_);
    if (name == "upgrade")
        return upgrade_router(file());
    if (name == "reload")
        return reload(file());
    if (name == "status" || name == "sessions")
        return ask(file(), {"GET", path, {{"form", form_of_answer(json_)}, {"backend", backend_}}});
    return ask(file(), {"POST", path, {{"backend", backend_}, {"address", address_}, {"id", id_}}});
}

int run_program(int argc, char** argv) {
    os::open_standard_descriptors();
    const auto signals = os::hold_signals(); // a deployment's SIGHUP may be quicker than our start
    if (const auto problem = command_problem({argv + std::min(argc, 1), argv + argc}); !problem.empty()) {
        std::cerr << problem << '\n';
        return exit_mistake;
    }
    line given;
    if (const int end = given.parse(argc, argv); end >= 0)
        return end;
    if (!given.is_run()) {
        ::pthread_sigmask(SIG_SETMASK, &signals, nullptr);
        return os::end_of_output(given.obey());
    }
    static server::role router; // a thread may read the file when this process ends
    router.version = version_text;
    return server::run_daemon(given.file(), router);
}

} // namespace

int main(int argc, char** argv) {
    server::end_with_last_words("snipass");
    try {
        return run_program(argc, argv);
    } catch (...) { // no descriptors, threads or memory to begin with
        (void)server::last_words();
        return exit_failure;
    }
}
