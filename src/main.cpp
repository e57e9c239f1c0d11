// The command line. Everything it does is in the libraries.
#include "snipass/config/parse.hpp"
#include "snipass/server/daemon.hpp"

#include <CLI/CLI.hpp>

#include <iostream>

namespace {

using namespace snipass;

constexpr int exit_bad_configuration = 2;

// load prints what the file has wrong with it; null if it cannot be used.
std::shared_ptr<const config::configuration> load(const std::string& file) {
    auto loaded = config::load(file);
    for (const auto& one : loaded.diagnostics)
        std::cerr << one.to_string(file) << '\n';
    return loaded.value;
}

int run(const std::string& file) {
    auto configuration = load(file);
    return configuration ? server::run_daemon(std::move(configuration)) : exit_bad_configuration;
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app{"snipass: routes TLS connections by name and gets out of the way"};
    app.set_version_flag("--version", "snipass " SNIPASS_VERSION);
    app.require_subcommand(1);
    std::string file;
    auto* run_command = app.add_subcommand("run", "serve, in the foreground");
    run_command->add_option("--config", file, "the configuration file")->required();
    CLI11_PARSE(app, argc, argv);
    return run(file);
}
