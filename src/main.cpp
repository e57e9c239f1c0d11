// The command line: `snipass run`, `check` and `explain`. What they do is in the libraries.
#include "snipass/config/check.hpp"
#include "snipass/config/explain.hpp"
#include "snipass/config/parse.hpp"
#include "snipass/server/daemon.hpp"
#include "snipass/tls/client_hello_assembler.hpp"
#include "snipass/tls/describe.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <iterator>

namespace {

using namespace snipass;

constexpr int exit_success = 0;
constexpr int exit_mistake = 2; // in the file, or in what was asked

// options is what the command line says.
struct options {
    std::string config;
    std::string hello; // a file with a captured hello
    std::string source;
    config::explain_query query;
};

int check(const options& given) {
    const auto parsed = config::load(given.config);
    std::cout << config::check_report(parsed, given.config);
    return parsed.value ? exit_success : exit_mistake;
}

// load prints what is wrong with the file; null if it cannot be used.
std::shared_ptr<const config::configuration> load(const std::string& file) {
    auto parsed = config::load(file);
    for (const auto& one : parsed.diagnostics)
        std::cerr << one.to_string(file) << '\n';
    return parsed.value;
}

int run(const options& given) {
    auto configuration = load(given.config);
    return configuration ? server::run_daemon(std::move(configuration)) : exit_mistake;
}

// Prints the fields of a captured hello, and makes a query of them. False: a TLS stack would refuse it.
bool read_hello(const options& given, std::size_t hello_max, config::explain_query& query) {
    std::ifstream file{given.hello, std::ios::binary};
    if (!file) {
        std::cerr << given.hello << ": cannot be read\n";
        return false;
    }
    const auto stream = tls::captured_stream(std::string{std::istreambuf_iterator<char>{file}, {}});
    tls::client_hello_assembler assembler{hello_max};
    const auto needed = assembler.advance(stream);
    if (needed && *needed > stream.size()) {
        std::cerr << given.hello << ": the hello is not complete: it has " << stream.size() << " of at least "
                  << *needed << " bytes\n";
        return false;
    }
    std::vector<std::uint8_t> gathered;
    const auto hello = needed ? tls::parse_client_hello(assembler.message(stream, gathered))
                              : result<tls::client_hello>{needed.error()};
    if (!hello) {
        std::cerr << given.hello << ": " << hello.error().message() << '\n';
        return false;
    }
    for (const auto& [label, value] : tls::describe(*hello))
        std::cout << label << ": " << value << '\n';
    std::cout << '\n';
    query.host_name = hello->server_name.value_or("");
    for (auto offer = hello->alpn; !offer.empty(); offer.pop_front())
        query.alpn.emplace_back(offer.front());
    return true;
}

int explain(options given) {
    const auto configuration = load(given.config);
    if (!configuration)
        return exit_mistake;
    if (!given.source.empty()) {
        given.query.source = ip_address::parse(given.source);
        if (!given.query.source) {
            std::cerr << "--source: \"" << given.source
                      << "\" is no IP address; write 192.0.2.1 or 2001:db8::1\n";
            return exit_mistake;
        }
    }
    if (!given.hello.empty() && !read_hello(given, configuration->server.hello_max, given.query))
        return exit_mistake;
    const auto answer = config::explain(*configuration, given.query);
    if (!answer.value) {
        std::cerr << answer.problem << '\n';
        return exit_mistake;
    }
    std::cout << *answer.value;
    return exit_success;
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app{"snipass routes TLS connections by name: it passes the client's socket to the backend, and "
                 "is out of the way."};
    app.set_version_flag("--version", "snipass " SNIPASS_VERSION);
    app.require_subcommand(1);
    options given;

    auto* run_command =
        app.add_subcommand("run", "Serve, in the foreground. SIGHUP reloads, SIGTERM drains and "
                                  "stops, SIGUSR1 logs the counters.");
    auto* check_command =
        app.add_subcommand("check", "Print every mistake in the file. Exit status 0, or 2.");
    auto* explain_command =
        app.add_subcommand("explain", "Say which route and backend a client would get, and why.");
    for (auto* command : {run_command, check_command, explain_command}) {
        command->add_option("--config", given.config, "the configuration file")->required();
    }
    auto* name = explain_command->add_option("HOST_NAME", given.query.host_name,
                                             "the name the client asks for; none: it sends no server_name");
    explain_command->add_option("--alpn", given.query.alpn, "a protocol the client offers; may be repeated")
        ->allow_extra_args(false);
    explain_command->add_option("--source", given.source, "the client's IP address");
    explain_command->add_option("--listener", given.query.listener, "the listener's address, as in the file");
    explain_command
        ->add_option("--hello", given.hello,
                     "a captured ClientHello, binary or hexadecimal, instead of a name")
        ->excludes(name);

    CLI11_PARSE(app, argc, argv);
    if (check_command->parsed())
        return check(given);
    if (explain_command->parsed())
        return explain(std::move(given));
    return run(given);
}
