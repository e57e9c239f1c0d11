// SPDX-License-Identifier: BSL-1.0
// What is reported and does no harm.
#include "mistakes.hpp"

using namespace snipass::config;

TEST_CASE("what is allowed and hardly meant") {
    const std::string route = "[[route]]\nbackend = \"b\"\nnames = ";
    check(GENERATE_COPY(values<mistakes_row>({
        {"a backend that nothing leads to",
         "[backend.x]\nhandoff = \"unix:/x\"\n" + rest,
         {"1:1: warning: backend.x: nothing leads to it; write it into a route, a sorry or [default], or "
          "leave it out"}},
        {"a backend that only an unused one leads to",
         "[backend.x]\nhandoff = \"unix:/x\"\nsorry = \"y\"\n[backend.y]\nhandoff = \"unix:/x\"\n" + rest,
         {"1:1: warning: backend.x: nothing leads to it; write it into a route, a sorry or [default], or "
          "leave it out",
          "4:1: warning: backend.y: nothing leads to it; write it into a route, a sorry or [default], or "
          "leave it out"}},
        {"not where a reference failed",
         "[backend.x]\nhandoff = \"unix:/x\"\n[[route]]\nnames = [\"a\"]\nbackend = \"xx\"\n" + rest,
         {"5:11: error: route.backend: there is no backend \"xx\"; known here: \"x\", \"b\""}},
        {"a route that can never win",
         route + "[\"a\"]\n" + route + "[\"A.\"]\n" + rest,
         {"4:1: warning: route: can never win: the route at line 1 has \"a\" without any condition; write "
          "this route above it, or leave it out"}},
        {"a route that can never win with any name",
         route + "[\"a\", \"b\"]\n" + route + "[\"b\", \"a\"]\n" + rest,
         {"4:1: warning: route: can never win: the route at line 1 has \"b\" without any condition, and the "
          "other names are taken too; write this route above it, or leave it out"}},
        {"one name that can never win",
         route + "[\"a\"]\n" + route + "[\"b\", \"a\"]\n" + rest,
         {"6:15: warning: route.names: \"a\" never comes here: the route at line 1 has it without any "
          "condition; write it into one of them"}},
        {"a name twice in a route",
         route + "[\"a\", \"A\"]\n" + rest,
         {"3:15: warning: route.names: \"a\" is in this route already; leave it out"}},
        {"the same name with a condition before is no mistake",
         route + "[\"a\"]\nalpn = [\"h2\"]\n" + route + "[\"a\"]\n" + rest,
         {}},
        {"a route whose clients one without names takes",
         route + "[\"a\"]\nalpn = [\"x\"]\n[[route]]\nbackend = \"b\"\nalpn = [\"x\"]\n" + rest,
         {"1:1: warning: route: can never win: the route at line 5 has no names, so it is asked first, and "
          "takes the same clients, or more; write names into that one, or leave this one out"}},
        {"a route without names behind another",
         "[[route]]\nbackend = \"b\"\nalpn = [\"x\"]\n[[route]]\nbackend = \"b\"\nalpn = [\"x\"]\n" + rest,
         {"4:1: warning: route: can never win: the route at line 1 has no names either, and takes the same "
          "clients, or more; write this route above it, or leave it out"}},
        {"a regex behind one that takes every name",
         route + "[\"/.*/\"]\n" + route + "[\"/a/\"]\n" + route + "[\"/b/\", \"c\"]\n" + rest,
         {"4:1: warning: route: can never win: the route at line 1 has \"/.*/\" without any condition; write "
          "this route above it, or leave it out",
          "9:10: warning: route.names: \"/b/\" never comes here: the route at line 1 has \"/.*/\" without "
          "any "
          "condition; write this route above it"}},
        {"every name, for clients that ask for another route's",
         route + "[\"/.*/\"]\nalpn = [\"acme-tls/1\"]\n" + route + "[\"/x/\", \"a\"]\n" + rest,
         {"3:10: warning: route.names: \"/.*/\" comes after all exact names and wildcards: clients of those "
          "of "
          "the route at line 5 never come here; leave names out, and this route is asked first"}},
        {"not where all names have a condition",
         route + "[\"/.*/\"]\nalpn = [\"acme-tls/1\"]\n" + route + "[\"a\"]\nalpn = [\"h2\"]\n" + rest,
         {}},
        {"labels as no host has them",
         route + "[\"-a.example\", \"*.b-.example\", \"c-d.example\", \"/-x/\"]\n" + rest,
         {"3:10: warning: route.names: \"-a.example\" has a label that begins or ends with \"-\", as no "
          "host's "
          "name has; write it without",
          "3:24: warning: route.names: \"*.b-.example\" has a label that begins or ends with \"-\", as no "
          "host's name has; write it without"}},
        {"a path with a port",
         "[backend.x]\nhandoff = \"unix:/run/x.sock:443\"\n[[route]]\nnames = [\"a\"]\nbackend = \"x\"\n" +
             rest,
         {"2:11: warning: backend.x.handoff: \"unix:/run/x.sock:443\" ends like a port, and a path has none; "
          "write \"unix:/run/x.sock\""}},
        {"nobody is served",
         listener,
         {"2:11: warning: no [[route]] and no [default], so every client is closed; write a [[route]] with "
          "names "
          "and a "
          "backend"}},
        {"clients sent to a [default] that is not there",
         "[[listener]]\naddress = \":1\"\nunmatched = \"default\"\nmalformed = \"default\"\nnot_tls = "
         "\"default\"\n" +
             route + "[\"a\"]\n" + backend,
         {"3:13: warning: listener.unmatched: there is no [default], so these clients are closed; write "
          "\"close\", or a [default]",
          "4:13: warning: listener.malformed: there is no [default], so these clients are closed; write "
          "\"close\", or a [default]",
          "5:11: warning: listener.not_tls: there is no [default], so these clients are closed; write "
          "\"close\", or a [default]"}},
        {"not where nobody wrote so", "[[listener]]\naddress = \":1\"\n" + route + "[\"a\"]\n" + backend, {}},
        {"a datagram whose bytes a stream backend would miss",
         "[backend.d]\nhandoff = \"unix:/d\"\nprotocol = \"datagram\"\nsorry = \"b\"\n[[route]]\nnames = "
         "[\"a\"]\nbackend = \"d\"\n" +
             rest,
         {"4:9: warning: backend.d.sorry: \"b\" is handed sockets by \"stream\", which needs the client's "
          "bytes unread; in the rare case that a message fails after they were read, the client is closed "
          "instead"}},
        {"a message of scgi whose head a stream backend would miss",
         "[backend.d]\nhandoff = \"unix:/d\"\nprotocol = \"scgi\"\nsorry = \"b\"\n[[route]]\nnames = "
         "[\"a\"]\nbackend = \"d\"\n"
         "[[listener]]\naddress = \":80\"\nprotocol = \"http\"\n[backend.b]\nhandoff = \"unix:/b\"\n",
         {"4:9: warning: backend.d.sorry: \"b\" is handed sockets by \"stream\", which needs the client's "
          "bytes unread; in the rare case that a message fails after they were read, the client is closed "
          "instead"}},
        {"nothing is missed where scgi is acknowledged",
         "[backend.d]\nhandoff = \"unix:/d\"\nprotocol = \"scgi\"\nscgi_ack = true\nsorry = "
         "\"b\"\n[[route]]\nnames = [\"a\"]\nbackend = \"d\"\n"
         "[[listener]]\naddress = \":80\"\nprotocol = \"http\"\n[backend.b]\nhandoff = \"unix:/b\"\n",
         {}},
        {"a datagram before a datagram is no mistake",
         "[backend.d]\nhandoff = \"unix:/d\"\nprotocol = \"datagram\"\nsorry = \"e\"\n[backend.e]\nhandoff = "
         "\"unix:/d\"\nprotocol = \"datagram\"\n[[route]]\nnames = [\"a\"]\nbackend = \"d\"\n" +
             rest,
         {}},
    })));
}

TEST_CASE("a backend that is a listener of the same file") {
    const auto file = [](const std::string& listener, const std::string& proxy) {
        return "[[listener]]\naddress = \"" + listener + "\"\n[backend.b]\nproxy = [\"192.0.2.9:443\", \"" +
               proxy + "\"]\n" + fallback;
    };
    const auto loop = [](const std::string& proxy) {
        return "4:27: warning: backend.b.proxy: \"" + proxy +
               "\" is the listener at line 2, and its clients would go round; write the address of another "
               "server";
    };
    check(GENERATE_COPY(values<mistakes_row>({
        {"its very address", file("192.0.2.1:443", "192.0.2.1:443"), {loop("192.0.2.1:443")}},
        {"loopback, where all addresses are listened on",
         file("[::]:443", "127.0.0.1:443"),
         {loop("127.0.0.1:443")}},
        {"loopback of IPv6", file(":443", "[::1]:443"), {loop("[::1]:443")}},
        {"loopback, where all of IPv4 are", file("0.0.0.0:443", "127.8.8.8:443"), {loop("127.8.8.8:443")}},
        {"another port", file("192.0.2.1:443", "192.0.2.1:8443"), {}},
        {"another address", file("192.0.2.1:443", "192.0.2.2:443"), {}},
        {"another family", file("0.0.0.0:443", "[::1]:443"), {}},
        {"loopback, where it is not listened on", file("192.0.2.1:443", "127.0.0.1:443"), {}},
        {"any free port", file("127.0.0.1:0", "127.0.0.1:443"), {}},
        {"a name", file("[::]:443", "a.example:443"), {}},
        {"localhost", file("[::]:443", "localhost:443"), {loop("localhost:443")}},
        {"localhost of IPv6", file("[::1]:443", "localhost:443"), {loop("localhost:443")}},
        {"localhost, another port", file("[::]:443", "localhost:8443"), {}},
    })));
    const auto unused =
        "[[listener]]\naddress = \":443\"\n[backend.x]\nproxy = \"127.0.0.1:443\"\n" + backend + fallback;
    check({"nothing leads to it",
           unused,
           {"3:1: warning: backend.x: nothing leads to it; write it into a route, a sorry or [default], or "
            "leave "
            "it out"}});
}
