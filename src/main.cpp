// SPDX-License-Identifier: BSL-1.0
// The command line: `snipass run`, `check` and `explain`. What they do is in the libraries.
#include "snipass/base/ascii_form.hpp"
#include "snipass/base/quoted.hpp"
#include "snipass/base/version.hpp"
#include "snipass/certificates/authorities.hpp"
#include "snipass/certificates/coverage.hpp"
#include "snipass/certificates/load.hpp"
#include "snipass/config/check.hpp"
#include "snipass/config/explain.hpp"
#include "snipass/config/parse.hpp"
#include "snipass/config/units.hpp"
#include "snipass/opening/head_reader.hpp"
#include "snipass/opening/hello_reader.hpp"
#include "snipass/os/error.hpp"
#include "snipass/os/signals.hpp"
#include "snipass/os/standard_descriptors.hpp"
#include "snipass/os/users.hpp"
#include "snipass/process/daemon.hpp"
#include "snipass/process/last_words.hpp"
#include "snipass/tls/describe.hpp"
#include "snipass/tls/names.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdint>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

namespace {

using namespace snipass;

constexpr int exit_success = 0;
constexpr int exit_failure = 1;
constexpr int exit_mistake = 2; // in the file, or in what was asked

// options is what the command line says.
struct options {
    std::string config;
    std::string hello; // a file with a captured hello
    std::string source;
    std::string request; // "GET http://www.example.com/"
    config::explain_query query;
};

int status_of(const config::parsed& file) {
    if (file.value)
        return exit_success;
    return file.is_mistaken() ? exit_mistake : exit_failure;
}

// check_certificates reads what snipass-tls will read, as far as this user may.
void check_certificates(config::parsed& parsed) {
    const auto& tls = *parsed.value->tls;
    auto read = certificates::load(tls.certificates, std::time(nullptr), config::severity::warning);
    auto clients =
        certificates::load_authorities(*parsed.value, std::time(nullptr), config::severity::warning);
    auto& found = parsed.diagnostics;
    std::ranges::move(clients.diagnostics, std::back_inserter(found));
    std::ranges::move(read.diagnostics, std::back_inserter(found));
    if (read.is_all) // of those that could not be read nobody knows the names
        std::ranges::move(certificates::coverage(read.certificates, *parsed.value),
                          std::back_inserter(found));
    std::ranges::stable_sort(found, {}, &config::diagnostic::where);
    if (std::ranges::any_of(found, [](const auto& one) { return one.level == config::severity::error; }))
        parsed.value = nullptr;
}

int check(const options& given) {
    auto parsed = config::load(given.config, os::find_user);
    if (parsed.value && parsed.value->tls)
        check_certificates(parsed);
    (parsed.value ? std::cout : std::cerr) << config::check_report(parsed, given.config);
    return status_of(parsed);
}

// read_captured is the bytes of a captured hello; nullopt, and said so, if the file cannot be read.
std::optional<std::vector<std::uint8_t>> read_captured(const std::string& name) {
    constexpr std::uintmax_t most = 1U << 20; // of hexadecimal: hello_max is 64 KiB at most
    std::error_code ec;
    if (!std::filesystem::is_regular_file(name, ec) || std::filesystem::file_size(name, ec) > most) {
        std::cerr << name << ": "
                  << (ec ? ec.message() : "is no file of at most 1 MiB, as a captured hello is") << '\n';
        return std::nullopt;
    }
    std::ifstream file{name, std::ios::binary};
    if (!file) {
        std::cerr << name << ": cannot be read: " << os::last_error().message() << '\n';
        return std::nullopt;
    }
    return tls::captured_stream(std::string{std::istreambuf_iterator<char>{file}, {}});
}

config::refused_hello to_refused(opening::refused answer) {
    const bool malformed = answer.as == opening::refusal::malformed;
    return {malformed ? config::hello_kind::malformed : config::hello_kind::foreign, std::move(answer.why),
            tls::alert_name(answer.alert), answer.status};
}

// read_request makes a query of "METHOD URL", as the client would write it to a proxy: the reader that a
// session asks judges it. False, and said so: there is no URL.
bool read_request(const std::string& text, const config::configuration& file, config::explain_query& query) {
    constexpr std::string_view scheme = "http://";
    const auto space = text.find(' ');
    const auto method = space == text.npos ? "GET" : text.substr(0, space);
    const auto url = space == text.npos ? text : text.substr(space + 1);
    if (!url.starts_with(scheme)) {
        std::cerr << "--http: " << in_quotes(url) << " is no URL that is asked for in clear; write \""
                  << method << " http://www.example.com/\"\n";
        return false;
    }
    const auto behind = url.substr(scheme.size());
    const auto authority = behind.substr(0, behind.find_first_of("/?"));
    const auto stream = method + " " + url + " HTTP/1.1\r\nHost: " + authority + "\r\n\r\n";
    std::vector<std::uint8_t> scratch;
    auto answer = opening::head_reader{file.server.head_max}.read(as_bytes(stream), scratch);
    query.request.emplace();
    if (auto* const refused = std::get_if<opening::refused>(&answer)) {
        query.refused = to_refused(std::move(*refused));
        return true;
    }
    const auto& asked = std::get<opening::question>(answer);
    query.host_name = asked.name.value_or("");
    query.request.emplace(config::request_of(*asked.head()));
    return true;
}

// Prints the fields of a captured hello, and makes a query of them, or of what is wrong with it. False: it is
// not complete, so nothing is decided yet.
bool read_hello(byte_view stream, const config::server_settings& server, config::explain_query& query) {
    opening::hello_reader reader{server.hello_max};
    std::vector<std::uint8_t> scratch;
    auto answer = reader.read(stream, scratch);
    if (const auto* const more = std::get_if<opening::need>(&answer)) {
        std::cout << "not complete: it has " << stream.size() << " of at least " << more->bytes
                  << " bytes\n  every listener waits for the rest, and closes the connection "
                  << config::format_duration(server.hello_timeout)
                  << " after it accepted it (hello_timeout)\n";
        return false;
    }
    if (auto* const refused = std::get_if<opening::refused>(&answer)) {
        query.refused = to_refused(std::move(*refused));
        return true;
    }
    const auto& question = std::get<opening::question>(answer);
    for (const auto& [label, value] : tls::describe(*question.hello()))
        std::cout << label << ": " << value << '\n';
    std::cout << '\n';
    query.host_name = question.name.value_or("");
    for (auto offer = question.alpn; !offer.empty(); offer.pop_front())
        query.alpn.emplace_back(offer.front());
    return true;
}

// name_on_the_wire takes a name in another script for what a client sends. False, and said so: there is none.
bool name_on_the_wire(std::string& name) {
    if (is_ascii(name))
        return true;
    auto ascii = ascii_form(name);
    if (!ascii) {
        std::cerr << in_quotes(name)
                  << " is no host name, and has no ASCII form (\"xn--...\"); write one that has\n";
        return false;
    }
    std::cout << in_quotes(name) << " is sent as " << in_quotes(*ascii) << '\n';
    name = std::move(*ascii);
    return true;
}

// command_problem is what is wrong with the words as a whole, which the parser of options does not see.
// Empty: nothing.
std::string command_problem(const std::vector<std::string>& words) {
    constexpr std::string_view commands[] = {"run", "check", "explain"};
    const auto& first = words.empty() ? std::string{"--help"} : words.front();
    if (first == "-v" || first == "-V")
        return "write snipass --version";
    if (first.starts_with("--config"))
        return "a command stands in front of --config; write snipass run, check or explain, and then "
               "--config FILE";
    if (!first.starts_with('-') && std::ranges::find(commands, first) == std::end(commands))
        return in_quotes(first) + " is no command; write snipass run, check or explain, or snipass --help" +
               (first == "reload" ? "; a router that runs is reloaded by SIGHUP, or systemctl reload snipass"
                                  : "");
    for (std::size_t i = 1; first == "explain" && i < words.size(); ++i)
        if (words[i].ends_with(".toml") && !words[i].starts_with('-') && !words[i - 1].starts_with('-'))
            return in_quotes(words[i]) + " is no host name; write --config " + words[i];
    return {};
}

int explain(options given) {
    const auto parsed = config::load(given.config, os::find_user);
    for (const auto& one : parsed.diagnostics)
        std::cerr << one.to_string(given.config) << '\n';
    const auto& configuration = parsed.value;
    if (!configuration)
        return status_of(parsed);
    if (!name_on_the_wire(given.query.host_name))
        return exit_mistake;
    if (!given.source.empty()) {
        given.query.source = ip_address::parse(given.source);
        if (!given.query.source) {
            std::cerr << "--source: \"" << given.source
                      << "\" is no IP address; write 192.0.2.1 or 2001:db8::1\n";
            return exit_mistake;
        }
    }
    if (!given.hello.empty()) {
        const auto stream = read_captured(given.hello);
        if (!stream)
            return exit_mistake;
        if (!read_hello(*stream, configuration->server, given.query))
            return exit_success;
    }
    if (!given.request.empty() && !read_request(given.request, *configuration, given.query))
        return exit_mistake;
    const auto answer = config::explain(*configuration, given.query);
    if (!answer.value) {
        std::cerr << answer.problem << '\n';
        return exit_mistake;
    }
    std::cout << *answer.value;
    return exit_success;
}

int run_program(int argc, char** argv) {
    os::open_standard_descriptors();
    const auto signals = os::hold_signals(); // a deployment's SIGHUP may be quicker than our start
    CLI::App app{"snipass routes TLS connections by name: it passes the client's socket to the backend, and "
                 "is out of the way."};
    app.set_version_flag("--version", "snipass " + std::string{version_text});
    app.require_subcommand(1);
    options given;
    if (const auto problem = command_problem({argv + std::min(argc, 1), argv + argc}); !problem.empty()) {
        std::cerr << problem << '\n';
        return exit_mistake;
    }

    auto* run_command =
        app.add_subcommand("run", "Serve, in the foreground. SIGHUP reloads, SIGTERM drains and "
                                  "stops, SIGUSR1 logs the counters.");
    auto* check_command =
        app.add_subcommand("check", "Print every mistake in the file. Exit status 0, or 2.");
    auto* explain_command =
        app.add_subcommand("explain", "Say which route and backend a client would get, and why.");
    for (auto* command : {run_command, check_command, explain_command}) {
        auto* option = command->add_option("--config", given.config, "the configuration file")
                           ->default_val(SNIPASS_CONFIGURATION);
        if (command != explain_command)
            command->add_option("FILE", given.config, "the same")->excludes(option);
    }
    auto* name = explain_command->add_option("HOST_NAME", given.query.host_name,
                                             "the name the client asks for; none: it sends no server_name");
    explain_command->add_option("--alpn", given.query.alpn, "a protocol the client offers; may be repeated")
        ->allow_extra_args(false);
    explain_command->add_option("--source", given.source, "the client's IP address");
    explain_command->add_option("--listener", given.query.listener, "the listener's address, as in the file");
    auto* const hello = explain_command
                            ->add_option("--hello", given.hello,
                                         "a captured ClientHello, binary or hexadecimal, instead of a name")
                            ->excludes(name);
    explain_command
        ->add_option("--http", given.request,
                     "a request in clear, such as \"GET http://www.example.com/\", instead of a name")
        ->excludes(name, hello);

    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& end) { // or --help, or --version
        return app.exit(end) == 0 ? exit_success : exit_mistake;
    }
    if (!run_command->parsed())
        ::pthread_sigmask(SIG_SETMASK, &signals, nullptr);
    if (check_command->parsed())
        return check(given);
    if (explain_command->parsed())
        return explain(std::move(given));
    static server::role router; // a thread may read the file when this process ends
    router.version = version_text;
    return server::run_daemon(given.config, router);
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
