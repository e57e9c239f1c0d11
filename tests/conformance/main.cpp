// SPDX-License-Identifier: BSL-1.0
// sni_conformance: sends hellos of every shape to a router, or heads of requests, and says which of them it
// got right.
//
//     sni_conformance --router 127.0.0.1:8443 --a 127.0.0.1:9001 --b 127.0.0.1:9002 --default 127.0.0.1:9003
//
// The program is the three backends itself; tests/conformance/README.md has the rest.
#include "exchange.hpp"
#include "heads/heads.hpp"
#include "report.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <csignal>
#include <exception>
#include <iostream>
#include <map>
#include <stdexcept>
#include <vector>

namespace {

using namespace snipass::conformance;
using namespace std::chrono_literals;

struct options {
    std::string router;
    std::string a;
    std::string b;
    std::string fallback;
    route_names names;
    unmatched policy = unmatched::fallback;
    std::vector<std::string> only;
    int slow_ms = 2'000;
    int timeout_ms = 8'000;
    int patience_ms = 1'000;
    bool json = false;
    bool list = false;
    bool markdown = false;
    bool http = false;
};

constexpr int all_right = 0;
constexpr int some_wrong = 1;
constexpr int not_run = 2;

void declare(CLI::App& app, options& given) {
    const std::map<std::string, unmatched> policies{{"default", unmatched::fallback},
                                                    {"refuse", unmatched::refuse}};
    app.add_option("--router", given.router, "The router under test, HOST:PORT");
    constexpr auto where = "HOST:PORT, unix:PATH, fd:N (inherited), or handoff:PATH";
    app.add_option("--a", given.a, std::string{"Backend of the first name: "} + where);
    app.add_option("--b", given.b, "Backend of the second name");
    app.add_option("--default", given.fallback, "Backend of all others");
    app.add_option("--name-a", given.names.a, "The first name that the router has a route for")
        ->capture_default_str();
    app.add_option("--name-b", given.names.b, "The second")->capture_default_str();
    app.add_option("--name-unknown", given.names.unknown, "A name that it has none for")
        ->capture_default_str();
    app.add_option("--unmatched", given.policy, "What it does without a route: default or refuse")
        ->transform(CLI::CheckedTransformer(policies, CLI::ignore_case));
    app.add_option("--only", given.only, "Only shapes whose name contains this; may be repeated");
    app.add_option("--slow", given.slow_ms,
                   "How long the slowest client takes, in ms; below the router's limit")
        ->capture_default_str();
    app.add_option("--timeout", given.timeout_ms, "How long to wait for a client that must arrive, in ms")
        ->capture_default_str();
    app.add_option("--patience", given.patience_ms, "How long to watch one that need not, in ms")
        ->capture_default_str();
    app.add_flag("--http", given.http, "Send heads of HTTP requests in clear in place of ClientHellos");
    app.add_flag("--json", given.json, "Print JSON");
    app.add_flag("--list", given.list, "Print the shapes and the judge's answers; needs no router");
    app.add_flag("--markdown", given.markdown, "The same as a table for the documentation");
}

bool is_wanted(const shape& shape, const std::vector<std::string>& only) {
    return only.empty() || std::any_of(only.begin(), only.end(), [&](const std::string& part) {
               return shape.name.find(part) != std::string::npos;
           });
}

// The shapes with the judge's answers, before any router was asked.
std::vector<head_shape> judged_shapes(const options& given) {
    const milliseconds slow{given.slow_ms};
    if (given.http)
        return all_heads(given.names, slow);
    const judge openssl;
    std::vector<head_shape> all;
    for (auto& each : all_shapes(given.names, slow)) {
        if (!is_wanted(each, given.only))
            continue;
        auto judged = openssl.read(each.stream(), each.half_closes);
        all.push_back({std::move(each), std::move(judged)});
    }
    return all;
}

std::vector<result_row> prepare(const options& given) {
    std::vector<result_row> rows;
    for (auto& [what, judged] : judged_shapes(given)) {
        if (!is_wanted(what, given.only))
            continue;
        auto expected = expect(what, judged, given.names, given.policy);
        rows.push_back({std::move(what), std::move(judged), expected, {}, {}});
    }
    return rows;
}

std::vector<backend> open_backends(const options& given) {
    std::vector<backend> all;
    all.emplace_back(route::a, endpoint::parse(given.a));
    all.emplace_back(route::b, endpoint::parse(given.b));
    all.emplace_back(route::fallback, endpoint::parse(given.fallback));
    return all;
}

void replay(const options& given, std::vector<result_row>& rows) {
    const auto router = endpoint::parse(given.router);
    auto backends = open_backends(given);
    std::vector<bytes> earlier;
    for (auto& row : rows) {
        const milliseconds patience{row.expected.may_refuse ? given.patience_ms : given.timeout_ms};
        exchange one{row.what, given.http ? spoken::http : spoken::tls, router, backends, patience, earlier};
        row.seen = one.run();
        row.decided = weigh(row.what, row.judged, row.expected, row.seen);
        earlier.push_back(row.what.stream());
        if (!given.json)
            print_row(std::cout, row);
    }
}

int run(const options& given) {
    auto rows = prepare(given);
    if (given.list || given.markdown) {
        given.markdown ? print_markdown(std::cout, rows) : print_list(std::cout, rows);
        return all_right;
    }
    if (given.router.empty() || given.a.empty() || given.b.empty() || given.fallback.empty())
        throw std::invalid_argument("--router, --a, --b and --default are needed");
    if (rows.empty())
        throw std::invalid_argument("--only leaves no shape");
    const run_facts facts{given.router, given.http ? "RFC 9112" : judge::version()};
    if (!given.json)
        print_head(std::cout, facts);
    replay(given, rows);
    given.json ? print_json(std::cout, facts, rows) : print_summary(std::cout, rows);
    return wrongs(rows) == 0 ? all_right : some_wrong;
}

} // namespace

int main(int argc, char** argv) {
    (void)std::signal(SIGPIPE, SIG_IGN);
    CLI::App app{
        "Sends ClientHellos or heads of requests of every shape to a router and judges where they arrive."};
    options given;
    declare(app, given);
    try {
        app.parse(argc, argv);
        return run(given);
    } catch (const CLI::ParseError& error) {
        const int code = app.exit(error);
        return code == 0 ? all_right : not_run;
    } catch (const std::exception& error) {
        std::cerr << "sni_conformance: " << error.what() << '\n';
        return not_run;
    }
}
