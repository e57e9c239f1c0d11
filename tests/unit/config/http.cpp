// SPDX-License-Identifier: BSL-1.0
// A file with listeners for HTTP: its keys, and what is wrong with them.
#include "snipass/config/decision.hpp"
#include "snipass/config/explain.hpp"

#include "http_parts.hpp"
#include "mistakes.hpp"

using namespace snipass;
using namespace snipass::config;

namespace {

std::shared_ptr<const configuration> configured(const std::string& text) {
    auto read = parse(text, "f");
    for (const auto& one : read.diagnostics)
        UNSCOPED_INFO(one.to_string("f"));
    REQUIRE(read.value);
    return read.value;
}

} // namespace

TEST_CASE("a listener for HTTP answers unless the file says otherwise") {
    const auto file = configured("[server]\nhead_max = \"8KiB\"\n" + clear + to_https +
                                 route_to("https", "paths = [\"/*\"]"));
    CHECK(file->server.head_max == 8'192);
    CHECK(server_settings{}.head_max == 32'768);
    const auto& listener = file->listeners[0];
    CHECK(listener.is_for_http());
    CHECK(listener.unmatched == policy::status);
    CHECK(listener.malformed == policy::status);
    CHECK(listener.foreign == policy::status);
    CHECK(file->routes[0].paths[0].to_string() == "/*");
    REQUIRE(file->backends[0].redirect());
    CHECK(file->backends[0].redirect()->url == "https://{host}{path}");
    CHECK_FALSE(file->backends[0].redirect()->status);
}

TEST_CASE("the keys of a route, a backend and a listener for HTTP") {
    const auto file =
        configured("[[listener]]\naddress = \":80\"\nprotocol = \"http\"\nunmatched = \"close\"\nmalformed = "
                   "\"reset\"\nnot_http = \"status\"\n" +
                   route_to("https", "paths = [\"/a\", \"/b/*\"]\nmethods = [\"GET\", \"M-SEARCH\"]") +
                   "[backend.https]\nredirect = \"https://www.example.com{path}\"\nstatus = 302\n" + site +
                   "closes = true\n[default]\nbackend = \"site\"\n");
    const auto& listener = file->listeners[0];
    CHECK(listener.unmatched == policy::close);
    CHECK(listener.malformed == policy::reset);
    CHECK(listener.foreign == policy::status);
    const auto& route = file->routes[0];
    REQUIRE(route.paths.size() == 2);
    CHECK(route.paths[0] == route::path_pattern{"/a", false});
    CHECK(route.paths[1] == route::path_pattern{"/b/", true});
    CHECK(route.methods == std::vector<std::string>{"GET", "M-SEARCH"});
    CHECK(file->backends[0].redirect()->status == 302);
    CHECK(file->backends[1].closes);
}

namespace {

struct decision_row {
    const char* behaviour;
    hello_kind kind;
    const char* name; // null: none, or no host name
    const char* path;
    match_kind match;
    const char* end; // a backend, or "" for the policy
    std::uint16_t status;
};

} // namespace

TEST_CASE("decide: what becomes of a client that speaks HTTP") {
    const auto file =
        configured(route_to("live", "names = [\"a.example\"]\npaths = [\"/live/*\"]") +
                   route_to("live", "names = [\"*.b.example\"]\nmethods = [\"PUT\"]") +
                   route_to("https", "paths = [\"/https/*\"]") + clear + live + "closes = true\n" + to_https);
    const auto row = GENERATE(values<decision_row>({
        {"a path", hello_kind::with_name, "a.example", "/live/1", match_kind::exact, "live", 0},
        {"another path of a known host", hello_kind::with_name, "a.example", "/", match_kind::no_route, "",
         404},
        {"another method of one", hello_kind::with_name, "x.b.example", "/", match_kind::no_route, "", 404},
        {"a host that no route has", hello_kind::with_name, "c.example", "/live/1", match_kind::no_route, "",
         421},
        {"no host name", hello_kind::with_name, nullptr, "/live/1", match_kind::no_route, "", 421},
        {"no Host", hello_kind::without_name, nullptr, "/live/1", match_kind::no_host, "", 404},
        {"a redirect of a known host", hello_kind::with_name, "a.example", "/https/", match_kind::conditions,
         "https", 0},
        {"of one that no route has", hello_kind::with_name, "c.example", "/https/", match_kind::no_route, "",
         421},
        {"of none", hello_kind::without_name, nullptr, "/https/", match_kind::no_host, "", 404},
        {"malformed", hello_kind::malformed, nullptr, "", match_kind::malformed, "", 400},
        {"something else", hello_kind::foreign, nullptr, "", match_kind::not_http, "", 400},
    }));
    INFO(row.behaviour);
    const auto name = row.name ? host_name::parse(row.name) : std::nullopt;
    const route::request_facts request{"GET", row.path};
    const auto made = decide(*file, file->listeners[0], row.kind, name, {{}, {}, &request});
    CHECK(made.match == row.match);
    CHECK((made.backend ? file->backends[*made.backend].name : "") == row.end);
    CHECK(made.status == row.status);
    if (!made.backend)
        CHECK(made.refusal == policy::status);
}

TEST_CASE("a request whose path has no normal form is malformed where a route would have to compare it") {
    const auto file = configured(
        listener + clear + route_to("live", "names = [\"a.example\"]\npaths = [\"/live/*\"]") +
        route_to("https", "names = [\"b.example\"]\npaths = [\"/*\"]") + live + "closes = true\n" + to_https);
    const route::request_facts request{"GET", {}, true};
    const auto decided = [&](const char* name) {
        return decide(*file, file->listeners[0], hello_kind::with_name, host_name::parse(name),
                      {{}, {}, &request});
    };
    const auto compared = decided("a.example");
    CHECK(compared.match == match_kind::malformed);
    CHECK(compared.status == 400);
    CHECK_FALSE(compared.backend);
    const auto redirected = decided("b.example");
    CHECK(redirected.match == match_kind::exact);
    CHECK(file->backends[redirected.backend.value()].name == "https");
    CHECK(decided("c.example").match == match_kind::no_route);
}

TEST_CASE("explain: a request is not answered where TLS ends in snipass-tls") {
    const auto file = configured("[[listener]]\naddress = \":443\"\n" + clear +
                                 route_to("ended", "names = [\"a.example\"]") +
                                 "[backend.ended]\nhandoff = \"unix:/e\"\ntls = \"terminate\"\n[tls]\n"
                                 "certificates = \"/c\"\n");
    const auto told = [&](std::optional<explained_request> request) {
        explain_query query;
        query.host_name = "a.example";
        query.request = std::move(request);
        return explain(*file, query).value.value_or("").find("gets no answer") != std::string::npos;
    };
    CHECK(told(explained_request{"GET", "/", "/", {}, {}}));
    CHECK_FALSE(told(std::nullopt));
}

TEST_CASE("explain: a client that speaks HTTP") {
    const auto file =
        configured(listener + clear +
                   route_to("live", "names = [\"a.example\"]\npaths = [\"/live/*\"]\nmethods = [\"GET\"]") +
                   route_to("https", "paths = [\"/old/*\"]") + live + "closes = true\n" + to_https);
    const auto ask = [&](const std::string& host, const std::string& method, const std::string& path) {
        explain_query query;
        query.host_name = host;
        query.request = explained_request{method, path, path, "q", {}};
        return *explain(*file, query).value;
    };
    CHECK(ask("a.example", "GET", "/live/1")
              .starts_with(
                  "\"a.example\" goes to backend \"live\"\n  route at f:6 by \"a.example\" (exact name)\n"));
    CHECK(ask("A.example", "POST", "/old/x") ==
          "\"A.example\" goes to backend \"https\"\n"
          "  route at f:11 by its conditions (it has no names, so it is asked first)\n"
          "  backend \"https\" (f:17): redirected to https://{host}{path} (301 for GET and HEAD, 308 for "
          "other methods)\n"
          "  it is answered 308, Location: https://a.example/old/x?q\n"
          "  not the route at f:6 by \"a.example\" (exact name): it has names, so it is asked later\n");
    CHECK(ask("a.example", "PUT", "/") ==
          "\"a.example\" has no route whose conditions hold\n"
          "  listener \"[::]:80\", unmatched = \"status\": the client is answered 404 Not Found\n"
          "  not the route at f:11 by its conditions (it has no names, so it is asked first): it asks for a "
          "path in "
          "\"/old/*\", the client's is \"/\"\n"
          "  not the route at f:6 by \"a.example\" (exact name): it asks for a path in \"/live/*\", the "
          "client's is "
          "\"/\"; it asks for the method \"GET\", the client's is \"PUT\"\n");
    explain_query unsafe;
    unsafe.host_name = "a.example";
    unsafe.request = explained_request{"GET", "", "/a%2Fb", {}, "an escaped slash"};
    CHECK(explain(*file, unsafe).value ==
          "malformed, since the route at f:11 by its conditions (it has no names, so it is asked first) asks "
          "for paths: an escaped slash\n"
          "  listener \"[::]:80\", malformed = \"status\": the client is answered 400 Bad Request\n");
    CHECK(ask("b.example", "GET", "/old/x") ==
          "\"b.example\" has no route whose conditions hold\n"
          "  listener \"[::]:80\", unmatched = \"status\": the client is answered 421 Misdirected Request\n"
          "  not the route at f:11 by its conditions (it has no names, so it is asked first): it redirects "
          "to the "
          "client's host, which no route has\n");

    explain_query tls;
    tls.host_name = "a.example";
    CHECK(explain(*file, tls).value == "\"a.example\" has no route whose conditions hold\n"
                                       "  listener \"[::]:443\", unmatched = \"default\": there is no "
                                       "[default], so the connection is closed\n"
                                       "  not the route at f:11 by its conditions (it has no names, so it is "
                                       "asked first): it asks for a request of "
                                       "HTTP, the client speaks TLS\n"
                                       "  not the route at f:6 by \"a.example\" (exact name): it asks for a "
                                       "request of HTTP, the client speaks TLS\n");
    tls.listener = "[::]:80";
    CHECK(explain(*file, tls).problem ==
          "listener \"[::]:80\" has protocol = \"http\"; write --http \"GET http://a.example/\"");

    explain_query refused;
    refused.request.emplace();
    refused.refused = refused_hello{hello_kind::malformed, "two Hosts", {}, 400};
    CHECK(explain(*file, refused).value ==
          "malformed, so no route is looked up: two Hosts\n"
          "  listener \"[::]:80\", malformed = \"status\": the client is answered 400 Bad Request\n");
}
