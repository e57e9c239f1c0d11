// SPDX-License-Identifier: BSL-1.0
// `snipass explain`.
#include "snipass/commands/explain.hpp"

#include "snipass/base/ascii_form.hpp"
#include "snipass/base/quoted.hpp"
#include "snipass/commands/status.hpp"
#include "snipass/config/parse.hpp"
#include "snipass/config/units.hpp"
#include "snipass/opening/head_reader.hpp"
#include "snipass/opening/hello_reader.hpp"
#include "snipass/os/error.hpp"
#include "snipass/os/users.hpp"
#include "snipass/tls/describe.hpp"
#include "snipass/tls/names.hpp"

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <utility>

namespace snipass::commands {
namespace {

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

} // namespace

int explain(explain_options given) {
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

} // namespace snipass::commands
