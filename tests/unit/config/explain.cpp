// SPDX-License-Identifier: BSL-1.0
#include "snipass/config/explain.hpp"

#include "snipass/config/check.hpp"
#include "snipass/config/decision.hpp"

#include "mistakes.hpp"

#include <boost/algorithm/string/replace.hpp>

using namespace snipass;
using namespace snipass::config;
using Catch::Matchers::ContainsSubstring;

namespace {

const std::string file = R"([[listener]]
address = "[::]:443"
[[listener]]
address = "systemd:inside"
unmatched = "alert"
[[listener]]
address = "127.0.0.1:8443"
unmatched = "reset"
[[route]]
names = ["blog.example.com", "*.blog.example.com"]
backend = "blog"
[[route]]
names = ["*.example.com", "/.*\\.org/"]
alpn = ["acme-tls/1"]
source = ["192.0.2.0/24", "::/0"]
backend = "acme"
[[route]]
names = ["www.example.com", "/w.*/"]
backend = "blog"
[[route]]
names = ["/ww.*/"]
backend = "acme"
[backend.blog]
handoff = ["unix:/run/blog.sock", "unix:@blog"]
hold = "90s"
sorry = "acme"
[backend.acme]
proxy = ["10.0.0.5:443", "backup.example.net:443"]
)";

std::shared_ptr<const configuration> configured(const std::string& more) {
    auto parsed = parse(file + more, "f.toml");
    for (const auto& diagnostic : parsed.diagnostics)
        UNSCOPED_INFO(diagnostic.to_string("f.toml"));
    REQUIRE(parsed.value);
    return parsed.value;
}

} // namespace

TEST_CASE("explain: who gets a name, and who does not") {
    struct row {
        const char* behaviour;
        explain_query query;
        std::string text;
    };
    const auto row = GENERATE(values<struct row>({
        {"an exact name", {.host_name = "Blog.example.com."}, R"("Blog.example.com." goes to backend "blog"
  route at f.toml:9 by "blog.example.com" (exact name)
  backend "blog" (f.toml:23): handoff by "stream" to unix:/run/blog.sock, unix:@blog; held for up to 90s while it is away, then backend "acme"
  backend "acme" (f.toml:27): proxy to 10.0.0.5:443, backup.example.net:443; held for up to 5s while it is away, then closed
  not the route at f.toml:12 by "*.example.com" (wildcard): it is less specific
)"},
        {"conditions that fail come before the winner",
         {.host_name = "www.example.org",
          .alpn = {"h2", "http/1.1"},
          .source = ip_address::parse("198.51.100.1")},
         R"("www.example.org" goes to backend "blog"
  route at f.toml:17 by "/w.*/" (regex)
  backend "blog" (f.toml:23): handoff by "stream" to unix:/run/blog.sock, unix:@blog; held for up to 90s while it is away, then backend "acme"
  backend "acme" (f.toml:27): proxy to 10.0.0.5:443, backup.example.net:443; held for up to 5s while it is away, then closed
  not the route at f.toml:12 by "/.*\\.org/" (regex): it asks for ALPN "acme-tls/1", the client offers "h2", "http/1.1"; it asks for a source in 192.0.2.0/24, ::/0, the client is 198.51.100.1
  not the route at f.toml:20 by "/ww.*/" (regex): it comes later in the file
)"},
        {"conditions that hold",
         {.host_name = "a.example.com", .alpn = {"acme-tls/1"}, .source = ip_address::parse("192.0.2.9")},
         R"("a.example.com" goes to backend "acme"
  route at f.toml:12 by "*.example.com" (wildcard)
  backend "acme" (f.toml:27): proxy to 10.0.0.5:443, backup.example.net:443; held for up to 5s while it is away, then closed
)"},
        {"no source given is in no range, not even in ::/0",
         {.host_name = "a.example.com", .alpn = {"acme-tls/1"}, .listener = "[::]:443"},
         R"("a.example.com" has no route whose conditions hold
  listener "[::]:443", unmatched = "default": there is no [default], so the connection is closed
  not the route at f.toml:12 by "*.example.com" (wildcard): it asks for a source in 192.0.2.0/24, ::/0, the client's is not given
)"},
        {"a name in no route, on every listener", {.host_name = "other.net"}, R"("other.net" is in no route
  listener "[::]:443", unmatched = "default": there is no [default], so the connection is closed
  listener "systemd:inside", unmatched = "alert": the client gets a TLS alert (unrecognized_name)
  listener "127.0.0.1:8443", unmatched = "reset": the connection is reset
)"},
        {"no host name", {.listener = "systemd:inside"}, R"(a client without a host name has no route
  listener "systemd:inside", unmatched = "alert": the client gets a TLS alert (unrecognized_name)
)"},
        {"a name that is none",
         {.host_name = "192.0.2.1", .listener = "127.0.0.1:8443"},
         R"("192.0.2.1" is not a host name, so no route has it
  listener "127.0.0.1:8443", unmatched = "reset": the connection is reset
)"},
    }));
    INFO(row.behaviour);
    CHECK(explain(*configured(""), row.query).value.value_or("refused") == row.text);
}

TEST_CASE("explain: a route without names") {
    const auto with_acme = configured("[[route]]\nalpn = [\"acme-tls/1\"]\nbackend = \"acme\"\n");
    CHECK(*explain(*with_acme, {.host_name = "blog.example.com", .alpn = {"acme-tls/1"}}).value ==
          R"("blog.example.com" goes to backend "acme"
  route at f.toml:29 by its conditions (it has no names, so it is asked first)
  backend "acme" (f.toml:27): proxy to 10.0.0.5:443, backup.example.net:443; held for up to 5s while it is away, then closed
  not the route at f.toml:9 by "blog.example.com" (exact name): it has names, so it is asked later
  not the route at f.toml:12 by "*.example.com" (wildcard): it has names, so it is asked later
)");
    CHECK(*explain(*with_acme, {.host_name = "blog.example.com"}).value ==
          R"("blog.example.com" goes to backend "blog"
  route at f.toml:9 by "blog.example.com" (exact name)
  backend "blog" (f.toml:23): handoff by "stream" to unix:/run/blog.sock, unix:@blog; held for up to 90s while it is away, then backend "acme"
  backend "acme" (f.toml:27): proxy to 10.0.0.5:443, backup.example.net:443; held for up to 5s while it is away, then closed
  not the route at f.toml:29 by its conditions (it has no names, so it is asked first): it asks for ALPN "acme-tls/1", the client offers none
  not the route at f.toml:12 by "*.example.com" (wildcard): it is less specific
)");
    CHECK_THAT(*explain(*with_acme, {.alpn = {"acme-tls/1"}}).value,
               ContainsSubstring(
                   "a client without a host name goes to backend \"acme\"\n  route at f.toml:29 by its"));
    CHECK_THAT(*explain(*with_acme, {.listener = "[::]:443"}).value,
               ContainsSubstring("a client without a host name has no route whose conditions hold\n"));
}

TEST_CASE("explain: for whom no route is, a source in ::/0 is none") {
    const auto from_v6 = configured("[[route]]\nsource = [\"::/0\"]\nbackend = \"acme\"\n");
    CHECK_THAT(*explain(*from_v6, {.listener = "[::]:443"}).value,
               ContainsSubstring("there is no [default], so the connection is closed\n"));
}

TEST_CASE("explain: the [default] backend") {
    const auto with_default = configured("[default]\nbackend = \"acme\"\n");
    CHECK(*explain(*with_default, {.host_name = "other.net", .listener = "[::]:443"}).value ==
          R"("other.net" is in no route
  listener "[::]:443", unmatched = "default": backend "acme" (f.toml:27): proxy to 10.0.0.5:443, backup.example.net:443; held for up to 5s while it is away, then closed
)");
}

TEST_CASE("explain: what becomes of a client that its backend does not take") {
    struct row {
        std::string written;
        std::string told;
    };
    const auto row = GENERATE(values<struct row>({
        {"", "; held for up to 5s while it is away, then closed"},
        {"hold = \"0s\"", "; not held: where it fails, or TIME, closed"},
        {"sorry = \"s\"",
         "; not held: where it fails, or TIME, backend \"s\"\n  backend \"s\" (f:12): handoff by "
         "\"stream\" to unix:/s; held for up to 5s while it is away, then closed"},
        {"sorry = \"s\"\nhold = \"2s\"", "; held for up to 2s while it is away, then backend \"s\""},
    }));
    const auto [where, time] = GENERATE(values<std::pair<std::string, std::string>>(
        {{"handoff = \"unix:/b\"", "does not answer within 1s"},
         {"protocol = \"datagram\"\nhandoff = \"unix:/b\"", "its queue is full for 1s"},
         {"proxy = [\"10.0.0.5:443\"]", "there is no connection within 3s"}}));
    INFO(where << "\n" << row.written);
    const auto parsed = parse(listener + "[default]\nbackend = \"b\"\n[backend.b]\n" + where + "\n" +
                                  row.written + "\n[backend.s]\nhandoff = \"unix:/s\"\n",
                              "f");
    REQUIRE(parsed.value);
    const auto told =
        boost::algorithm::replace_all_copy(boost::algorithm::replace_all_copy(row.told, "TIME", time), "f:12",
                                           "f:" + std::to_string(parsed.value->backends[1].where.line));
    CHECK_THAT(*explain(*parsed.value, {}).value, ContainsSubstring(told + "\n"));
}

TEST_CASE(
    "explain: all backends that sorry leads to, and which of them a client that came by datagram gets") {
    const auto parsed = parse("[[listener]]\naddress = \"handoff:/in\"\n[default]\nbackend = \"a\"\n"
                              "[backend.a]\nhandoff = \"unix:/a\"\nsorry = \"b\"\n"
                              "[backend.b]\nhandoff = \"unix:/b\"\nsorry = \"c\"\n"
                              "[backend.c]\nhandoff = \"unix:/c\"\nprotocol = \"datagram\"\n",
                              "f");
    REQUIRE(parsed.value);
    CHECK(*explain(*parsed.value, {.host_name = "x.example"}).value == R"("x.example" is in no route
  listener "handoff:/in", unmatched = "default": backend "a" (f:5): handoff by "stream" to unix:/a; not held: where it fails, or does not answer within 1s, backend "b"
  a client that comes by datagram cannot have "a", whose protocol is "stream": it goes to "b" at once
  backend "b" (f:8): handoff by "stream" to unix:/b; not held: where it fails, or does not answer within 1s, backend "c"
  a client that comes by datagram cannot have "b", whose protocol is "stream": it goes to "c" at once
  backend "c" (f:11): handoff by "datagram" to unix:/c; held for up to 5s while it is away, then closed
)");
}

TEST_CASE("explain: long lists are cut short") {
    std::string ranges;
    for (int i = 0; i < 11; ++i)
        ranges += "\"10." + std::to_string(i) + ".0.0/16\",";
    const auto parsed =
        parse("[[route]]\nnames = [\"a\"]\nsource = [" + ranges + "]\nbackend = \"b\"\n" + rest, "f");
    REQUIRE(parsed.value);
    CHECK_THAT(*explain(*parsed.value, {.host_name = "a"}).value,
               ContainsSubstring("10.7.0.0/16 and 3 more, the client's"));
}

TEST_CASE("explain: every policy, every protocol") {
    const auto said = [](const std::string& policy, const std::string& protocol) {
        const auto parsed = parse("[[listener]]\naddress = \":1\"\nunmatched = \"" + policy +
                                      "\"\n[default]\nbackend = \"x\"\n"
                                      "[backend.x]\nhandoff = \"unix:/x\"\nprotocol = \"" +
                                      protocol + "\"\n",
                                  "f");
        return *explain(*parsed.value, {}).value;
    };
    CHECK_THAT(said("close", "stream"),
               ContainsSubstring("unmatched = \"close\": the connection is closed\n"));
    CHECK_THAT(said("reset", "stream"),
               ContainsSubstring("unmatched = \"reset\": the connection is reset\n"));
    CHECK_THAT(said("default", "datagram"),
               ContainsSubstring("handoff by \"datagram\" to unix:/x; held for up to 5s"));
}

TEST_CASE("explain: what is malformed or no TLS gets no route, and on each listener its policy") {
    const std::string listeners = R"([[listener]]
address = ":1"
[[listener]]
address = ":2"
unmatched = "reset"
malformed = "alert"
[[listener]]
address = ":3"
unmatched = "alert"
malformed = "reset"
[[listener]]
address = ":4"
unmatched = "close"
malformed = "default"
not_tls = "default"
)";
    const std::string backend = "[backend.x]\nhandoff = \"unix:/x\"\n";
    const auto said = [&](const std::string& more, refused_hello refused, const std::string& listener = "") {
        const auto parsed = parse(listeners + more + backend, "f");
        REQUIRE(parsed.value);
        return *explain(*parsed.value, {.listener = listener, .refused = std::move(refused)}).value;
    };
    const refused_hello malformed{hello_kind::malformed, "an extension given twice", "illegal_parameter"};
    const refused_hello not_tls{hello_kind::foreign, "no TLS record", "unexpected_message"};

    CHECK(said("", malformed) == R"(malformed, so no route is looked up: an extension given twice
  listener ":1", malformed = "close": the connection is closed
  listener ":2", malformed = "alert": the client gets a TLS alert (illegal_parameter)
  listener ":3", malformed = "reset": the connection is reset
  listener ":4", malformed = "default": there is no [default], so the connection is closed
)");
    CHECK(said("", not_tls) == R"(no TLS: no TLS record
  listener ":1", not_tls = "default": there is no [default], so the connection is closed
  listener ":2", not_tls = "reset": the connection is reset
  listener ":3", not_tls = "alert": an alert is for who speaks TLS, so the connection is closed
  listener ":4", not_tls = "default": there is no [default], so the connection is closed
)");
    const std::string otherwise = "[default]\nbackend = \"x\"\n";
    const std::string to_x =
        "backend \"x\" (f:18): handoff by \"stream\" to unix:/x; held for up to 5s while it "
        "is away, then closed\n";
    CHECK(said(otherwise, malformed, ":4") ==
          "malformed, so no route is looked up: an extension given twice\n"
          "  listener \":4\", malformed = \"default\": " +
              to_x);
    CHECK(said(otherwise, not_tls, ":1") ==
          "no TLS: no TLS record\n  listener \":1\", not_tls = \"default\": " + to_x);
}

TEST_CASE("explain: a listener that is not there") {
    const auto answer = explain(*configured(""), {.host_name = "a", .listener = "[::]:444"});
    CHECK_FALSE(answer.value);
    CHECK(answer.problem == "there is no listener \"[::]:444\"; write \"[::]:443\"");
}

TEST_CASE("explain: says what the router decides") {
    const auto configuration = configured("[default]\nbackend = \"acme\"\n");
    const auto name = GENERATE(as<std::string>{}, "blog.example.com", "x.blog.example.com", "a.example.com",
                               "www.example.com", "www.example.org", "x.org", "other.net", "w", "192.0.2.1");
    const auto alpn = GENERATE(as<std::string>{}, "acme-tls/1", "h2");
    const auto source = GENERATE(as<std::string>{}, "192.0.2.1", "203.0.113.1", "2001:db8::1");
    const auto& listener = GENERATE_COPY(from_range(configuration->listeners));
    INFO(name << " " << alpn << " " << source << " " << listener.address);

    const auto wire = std::string(1, static_cast<char>(alpn.size())) + alpn;
    const auto decided = decide(*configuration, listener, hello_kind::with_name, host_name::parse(name),
                                {*ip_address::parse(source), alpn_list{as_bytes(wire)}});
    const auto said = *explain(*configuration, {.host_name = name,
                                                .alpn = {alpn},
                                                .source = ip_address::parse(source),
                                                .listener = listener.address})
                           .value;
    const auto backend = decided.backend ? configuration->backends[*decided.backend].name : "";
    CHECK((said.find("goes to backend") != said.npos) == decided.route.has_value());
    if (decided.backend)
        CHECK_THAT(said, ContainsSubstring("backend \"" + backend + "\" (f.toml"));
    if (decided.refusal == policy::alert)
        CHECK_THAT(said, ContainsSubstring("TLS alert"));
    if (decided.refusal == policy::reset)
        CHECK_THAT(said, ContainsSubstring("is reset"));
}

TEST_CASE("check_report: the diagnostics, and how many") {
    const auto report = [](const std::string& text) { return check_report(parse(text, "f.toml"), "f.toml"); };
    CHECK(report(rest) == "f.toml: valid: 1 listener, 0 routes with 0 names, 1 backend\n");
    CHECK(report(file) == "f.toml: valid: 3 listeners, 4 routes with 7 names, 2 backends\n");
    CHECK(report("[backend.x]\nhandoff = \"unix:/x\"\n" + rest) ==
          "f.toml:1:1: warning: backend.x: nothing leads to it; write it into a route, a sorry or [default], "
          "or leave it "
          "out\nf.toml: valid: 1 listener, 0 routes with 0 names, 2 backends, 1 warning\n");
    CHECK(report("[log]\nlevel = 1\naccess = 1\n" + rest) ==
          "f.toml:2:9: error: log.level: expected a word in quotes, not the integer 1; known here: "
          "\"trace\", \"debug\", "
          "\"info\", \"warn\", \"error\"\n"
          "f.toml:3:10: error: log.access: expected true or false, not the integer 1; write true or false, "
          "without quotes\n"
          "f.toml: not valid: 2 errors\n");
    CHECK(report("[backend.x]\nhandoff = \"unix:/tmp/x\"\n[[route]]\nnames = [\"a\"]\nbackend = \"x\"\n" +
                 rest) ==
          "f.toml:2:11: warning: backend.x.handoff: \"/tmp/x\" is in a folder that snipass.service does not "
          "see; write a path below /run\n"
          "f.toml: valid: 1 listener, 1 route with 1 name, 2 backends, 1 warning\n");
    CHECK_THAT(report("[[listener]]\naddress = \"handoff:/home/x\"\n" + rest),
               ContainsSubstring("f.toml:2:11: warning: listener.address: \"/home/x\" is in a folder"));
    CHECK_THAT(report("[backend.x]\nproxy = \"unix:/root/x\"\n" + rest),
               ContainsSubstring("f.toml:2:9: warning: backend.x.proxy: \"/root/x\" is in a folder"));
    CHECK(check_report(load("/nonexistent", nullptr), "/nonexistent") ==
          "/nonexistent: error: cannot be read: No such file or directory\n");
}

TEST_CASE("explain: what a client that comes by datagram cannot have") {
    const auto site = configured("[[listener]]\naddress = \"handoff:/run/in.sock\"\n");
    const auto said = explain(*site, {.host_name = "blog.example.com", .listener = "handoff:/run/in.sock"});
    REQUIRE(said.value);
    CHECK_THAT(*said.value,
               ContainsSubstring("a client that comes by datagram cannot have \"blog\", whose protocol is "
                                 "\"stream\": it goes to \"acme\""));
    const auto elsewhere = explain(*site, {.host_name = "blog.example.com", .listener = "[::]:443"});
    CHECK(elsewhere.value->find("datagram") == std::string::npos);
}

TEST_CASE("explain: what a proxied backend has besides its addresses") {
    const auto text = [](const std::string& rest) {
        const auto read = parse("[[listener]]\naddress = \"[::]:443\"\n[[route]]\nnames = [\"a.example\"]\n"
                                "backend = \"x\"\n[backend.x]\n" +
                                    rest,
                                "f");
        REQUIRE(read.value);
        return explain(*read.value, {.host_name = "a.example"}).value.value_or("refused");
    };
    CHECK_THAT(text("proxy = [\"a:1\", \"b:1\"]\nbalance = \"round_robin\"\nproxy_protocol = \"v2\"\n"
                    "check = \"tls\"\nmax_lifetime = \"1h\"\ntransparent = true\non_remove = \"close\"\n"),
               ContainsSubstring(
                   "proxy to a:1, b:1, balance = \"round_robin\", with a PROXY header (v2), from the "
                   "client's own address, checked every 5s by a TLS hello; reset after 1h; reset when a "
                   "reload removes it"));
    CHECK_THAT(
        text("proxy = \"{host_name}:443\"\n"),
        ContainsSubstring(
            "proxy to {host_name}:443 (the name that the client asks for; allowed: public addresses)"));
    CHECK_THAT(text("proxy = \"{host_name}:443\"\nallow_destinations = [\"public\", \"10.0.0.0/8\"]\n"),
               ContainsSubstring("allowed: public addresses and 10.0.0.0/8)"));
    CHECK_THAT(
        text("proxy = \"{host_name}:443\"\ndeny_destinations = [\"192.0.2.0/24\", \"2001:db8::/32\"]\n"),
        ContainsSubstring("allowed: public addresses, but not 192.0.2.0/24, 2001:db8::/32)"));
    CHECK_THAT(text("handoff = \"unix:/run/blog.sock\"\nuser = \"blog\"\n"),
               ContainsSubstring("to unix:/run/blog.sock, if it is user \"blog\"'s"));
    CHECK_THAT(text("proxy = \"{host_name}:443\"\nallow_destinations = \"10.0.0.0/8\"\n"),
               ContainsSubstring("allowed: 10.0.0.0/8)"));
}
