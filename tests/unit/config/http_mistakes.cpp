// SPDX-License-Identifier: BSL-1.0
// What is wrong with a file that has something for HTTP, and what is hardly meant.
#include "http_parts.hpp"
#include "mistakes.hpp"

using namespace snipass::config;

TEST_CASE("mistakes in what is for HTTP") {
    const auto to_b = [](const std::string& conditions) {
        return route_to("b", conditions) + clear + backend;
    };
    check(GENERATE_COPY(values<mistakes_row>({
        {"a policy of the other protocol",
         "[[listener]]\naddress = \":80\"\nprotocol = \"http\"\nunmatched = \"alert\"\nnot_tls = "
         "\"close\"\n" +
             backend + fallback,
         {"4:13: error: listener.unmatched: \"alert\" is for clients that speak TLS; write \"status\"",
          "5:1: error: listener.not_tls: belongs to protocol = \"tls\"; write not_http"}},
        {"and the other way round",
         "[[listener]]\naddress = \":80\"\nunmatched = \"status\"\nnot_http = \"close\"\n" + backend +
             fallback,
         {"3:13: error: listener.unmatched: \"status\" is for clients that speak HTTP; write \"alert\"",
          "4:1: error: listener.not_http: belongs to protocol = \"http\"; write not_tls"}},
        {"a head that nobody sends",
         "[server]\nhead_max = \"100B\"\n" + rest,
         {"2:12: error: server.head_max: \"100B\" is out of range; write at least \"1KiB\""}},
        {"paths that are compared in another form",
         to_b("paths = [\"live/*\", \"/live*\", \"/a/../b\", \"/%7Euser/*\", \"/a?b\", \"http://a/b\"]"),
         {"3:10: error: route.paths: \"live/*\" does not begin with \"/\"; write \"/live/*\"",
          "3:20: error: route.paths: \"/live*\" has a \"*\" elsewhere than behind its last \"/\"; write "
          "\"/live/*\"",
          "3:30: error: route.paths: \"/a/../b\" is compared in its normal form; write \"/b\"",
          "3:41: error: route.paths: \"/%7Euser/*\" is compared in its normal form; write \"/~user/*\"",
          "3:55: error: route.paths: \"/a?b\" has a query, which is no part of a path; write \"/a\"",
          "3:63: error: route.paths: \"http://a/b\" does not begin with \"/\"; write one such as "
          "\"/live/*\""}},
        {"a path that no request may have",
         to_b("paths = [\"/a%2fb\"]"),
         {"3:10: error: route.paths: \"/a%2fb\": a backslash or an escaped / or \\ in the path (RFC 3986 "
          "section "
          "2.2); write one such as \"/live/*\""}},
        {"methods that are none",
         to_b("methods = [\"get\", \"\", \"A B\"]"),
         {"3:12: error: route.methods: \"get\": case counts in a method; write \"GET\"",
          "3:19: error: route.methods: \"\" is no method; write one such as \"GET\"",
          "3:23: error: route.methods: \"A B\" is no method; write one such as \"GET\""}},
        {"protocols that TLS offers, and paths",
         to_b("alpn = [\"h2\"]\npaths = [\"/*\"]"),
         {"1:1: error: route.alpn: who speaks HTTP in clear offers no protocols, so nobody would come here; "
          "leave "
          "alpn out, or paths and methods"}},
        {"a redirect that is a server, too",
         "[backend.b]\nredirect = \"https\"\nhandoff = \"unix:/x\"\nhold = \"1s\"\nstatus = 303\n" + clear +
             route_to("b", "paths = [\"/*\"]"),
         {"3:1: error: backend.b.handoff: does not apply to a backend with redirect; leave it out",
          "4:1: error: backend.b.hold: does not apply to a backend with redirect; leave it out",
          "5:10: error: backend.b.status: expected 301, 302, 307 or 308, not the integer 303; leave it out "
          "for "
          "301, and 308 where the method is not GET or HEAD"}},
        {"a redirect to nowhere",
         "[backend.b]\nredirect = \"http\"\n" + clear + route_to("b", "paths = [\"/*\"]"),
         {"2:12: error: backend.b.redirect: \"http\" would lead the clients back to where they are; write "
          "\"https\", or a URL such as \"https://www.example.com{path}\""}},
        {"a status without a redirect",
         backend + "status = 301\n" + clear + fallback,
         {"3:1: error: backend.b.status: belongs to a backend with redirect; leave it out"}},
        {"a redirect for clients that speak TLS",
         route_to("https", "names = [\"a\"]") + listener + to_https,
         {"2:11: error: route.backend: \"https\" is an answer of HTTP, and clients of the listener at line 5 "
          "speak "
          "TLS; write paths = [\"/*\"] into this route, so that only requests of HTTP come here"}},
        {"a redirect for those that offer protocols",
         route_to("https", "alpn = [\"h2\"]") + clear + to_https,
         {"2:11: error: route.backend: \"https\" is an answer of HTTP, and only clients that speak TLS offer "
          "protocols (alpn); write a backend with handoff or proxy"}},
        {"a redirect to the host of who has no route",
         "[default]\nbackend = \"https\"\n" + clear + to_https,
         {"2:11: error: default.backend: leads to \"https\", whose {host} is one that a route has; write a "
          "[[route]] with paths = [\"/*\"] and this backend"}},
        {"a redirect for all that speak TLS",
         "[default]\nbackend = \"x\"\n" + listener + "[backend.x]\nredirect = \"https://www.example.com/\"\n",
         {"2:11: error: default.backend: leads to \"x\", an answer of HTTP, and clients of the listener at "
          "line 4 "
          "speak TLS; write a [[route]] with paths = [\"/*\"] and this backend"}},
        {"not for all that speak HTTP",
         "[default]\nbackend = \"x\"\n" + clear + "[backend.x]\nredirect = \"https://www.example.com/\"\n",
         {}},
        {"a redirect in place of a server",
         backend + "sorry = \"https\"\n" + listener + to_https + fallback,
         {"3:9: error: backend.b.sorry: \"https\" is an answer, and no server; write a backend with handoff "
          "or "
          "proxy"}},
        {"what is behind TLS, for those who come without",
         route_to("b", "names = [\"a\"]\npaths = [\"/*\"]") + clear + backend +
             "tls = \"terminate\"\n[tls]\ncertificates = [\"/etc/snipass/live/*\"]\nhandoff = "
             "\"unix:/run/snipass-tls/handoff.sock\"\n",
         {"2:11: error: route.backend: leads to \"b\", whose clients come by TLS, and those of this route "
          "speak "
          "HTTP in clear; write one without tls = \"terminate\", or with redirect = \"https\""}},
    })));
}

TEST_CASE("what is allowed for HTTP and hardly meant") {
    const std::string all_else = route_to("https", "paths = [\"/*\"]") + to_https;
    const std::string paths_of_live = route_to("live", "names = [\"a\"]\npaths = [\"/live/*\"]");
    const std::string site_of_a = route_to("site", "names = [\"a\"]");
    check(GENERATE_COPY(values<mistakes_row>({
        {"paths that nobody shows",
         route_to("b", "paths = [\"/x\"]") + rest,
         {"3:10: warning: route: nobody comes here: only clients of a listener with protocol = \"http\" show "
          "paths "
          "and methods, and there is none; write one, or leave the route out"}},
        {"a route behind one that takes its paths",
         route_to("live", "paths = [\"/*\"]") + route_to("live", "names = [\"a\"]\npaths = [\"/b\"]") + live +
             clear,
         {"4:1: warning: route: can never win: the route at line 1 has no names, so it is asked first, and "
          "takes the "
          "same clients, or more; write names into that one, or leave this one out"}},
        {"one backend for TLS and for HTTP",
         route_to("b", "names = [\"a\"]") + listener + clear + backend,
         {"1:1: warning: route: takes clients that speak HTTP (the listener at line 7) as well as those that "
          "speak "
          "TLS, and gives both to \"b\"; write a route for HTTP above it, with the same names and paths = "
          "[\"/*\"], "
          "or one with paths = [\"/*\"] alone for all names"}},
        {"a backend whose TLS ends in snipass-tls, of several",
         route_to("b", "names = [\"a\"]") + route_to("ended", "names = [\"b\"]") + listener + clear +
             backend +
             "[backend.ended]\nhandoff = \"unix:/e\"\ntls = \"terminate\"\n[tls]\ncertificates = "
             "\"/c\"\n",
         {"4:1: warning: route: takes clients that speak HTTP (the listener at line 10) as well as those "
          "that "
          "speak TLS, and gives both to \"ended\", which with tls = \"terminate\" answers no request in "
          "clear; "
          "write a route for HTTP above it, with the same names and paths = [\"/*\"], or one with paths = "
          "[\"/*\"] alone for all names"}},
        {"not where another route has them all",
         route_to("b", "names = [\"a\"]") + listener + clear + backend + all_else,
         {}},
        {"not where a route above has the names",
         route_to("https", "names = [\"a\"]\npaths = [\"/*\"]") + route_to("b", "names = [\"a\"]") +
             listener + clear + backend + to_https,
         {}},
        {"not where only TLS offers what the route asks for",
         route_to("b", "names = [\"a\"]\nalpn = [\"h2\"]") + listener + clear + backend + fallback,
         {}},
        {"one name's paths at two servers",
         paths_of_live + site_of_a + clear + live + site,
         {"4:10: warning: route: a connection is handed over once, by its first request, and all that "
          "follows on it "
          "goes to the same backend: \"/live/*\" to \"live\", the route at line 5 to \"site\"; let a server "
          "close "
          "after each answer, and write closes = true into [backend.live] and [backend.site] "
          "(docs/http.md)"}},
        {"where one of them closes",
         paths_of_live + site_of_a + clear + live + "closes = true\n" + site,
         {"4:10: warning: route: a connection is handed over once, by its first request, and all that "
          "follows on it "
          "goes to the same backend: \"/live/*\" to \"live\", the route at line 5 to \"site\"; let a server "
          "close "
          "after each answer, and write closes = true into [backend.site] (docs/http.md)"}},
        {"not where both close",
         paths_of_live + site_of_a + clear + live + "closes = true\n" + site + "closes = true\n",
         {}},
        {"not for names of their own",
         paths_of_live + route_to("site", "names = [\"b\"]") + clear + live + site,
         {}},
        {"for all names",
         route_to("live", "paths = [\"/live/*\"]") + all_else + clear + live,
         {"3:10: warning: route: a connection is handed over once, by its first request, and all that "
          "follows on it "
          "goes to the same backend: \"/live/*\" to \"live\", the route at line 4 to \"https\"; let a server "
          "close "
          "after each answer, and write closes = true into [backend.live] (docs/http.md)"}},
        {"not where the rest is answered",
         route_to("live", "paths = [\"/live/*\"]") + all_else + clear + live + "closes = true\n",
         {}},
    })));
}
