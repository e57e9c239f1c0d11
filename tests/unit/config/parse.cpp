#include "snipass/config/parse.hpp"

#include "mistakes.hpp"

#include <cstdlib>
#include <fstream>
#include <unistd.h>

using namespace snipass;
using namespace snipass::config;
using namespace std::chrono_literals;

namespace {

std::shared_ptr<const configuration> valid(const std::string& text) {
    const auto parsed = parse(text, "f.toml");
    for (const auto& diagnostic : parsed.diagnostics)
        UNSCOPED_INFO(diagnostic.to_string("f.toml"));
    REQUIRE(parsed.value);
    return parsed.value;
}

} // namespace

TEST_CASE("parse: what the file does not say has its default") {
    const auto read = valid(rest);
    CHECK(read->file == "f.toml");
    CHECK(read->server.workers == 0);
    CHECK(read->server.hello_timeout == 5s);
    CHECK(read->server.hello_max == 65'536);
    CHECK(read->server.max_waiting == 20'000);
    CHECK(read->server.max_waiting_per_source == 256);
    CHECK(read->server.drain_timeout == 30s);
    CHECK(read->log.level == log_level::info);
    CHECK(read->log.format == log_format::text);
    CHECK(read->log.access);
    REQUIRE(read->listeners.size() == 1);
    CHECK(read->listeners[0].unmatched == policy::route_to_default);
    CHECK(read->listeners[0].malformed == policy::close);
    CHECK(read->listeners[0].not_tls == policy::route_to_default);
    REQUIRE(read->backends.size() == 1);
    CHECK(read->backends[0].protocol == handoff_protocol::stream);
    CHECK(read->backends[0].hold == 5s);
    CHECK(read->backends[0].ack_timeout == 1s);
    CHECK(read->backends[0].max_pending == 1'024);
    CHECK(read->backends[0].header == proxy_protocol::none);
    CHECK(read->backends[0].connect_timeout == 3s);
    CHECK(read->backends[0].idle_timeout == 10min);
    CHECK_FALSE(read->backends[0].sorry);
}

TEST_CASE("parse: every key") {
    const auto read = valid(R"([server]
workers = 4
hello_timeout = "2s"
hello_max = "16KiB"
max_waiting = 100
max_waiting_per_source = 10
drain_timeout = "1m"
max_pipes = 64

[log]
level = "debug"
format = "json"
access = false
hello = true

[[listener]]
address = "192.0.2.1:443"
protocol = "tls"
unmatched = "alert"
malformed = "reset"
not_tls = "close"

[[listener]]
address = "systemd:snipass"
unmatched = "reset"
malformed = "default"

[[listener]]
address = "*:8443"
unmatched = "close"

[[route]]
names = ["Blog.example.com.", "*.blog.example.com", "/b[0-9]+\\.example/"]
alpn = ["acme-tls/1", "h2"]
source = ["192.0.2.0/24", "2001:db8::1"]
backend = "far"

[backend.near]
handoff = ["unix:/run/a.sock", "unix:@b"]
protocol = "stream"
hold = "0s"
ack_timeout = "200ms"
max_pending = 5
sorry = "far"

[backend.datagrams]
handoff = "unix:/run/d.sock"
protocol = "datagram"
sorry = "far"

[backend.far]
proxy = ["10.0.0.5:443", "backup.example.net:8443", "unix:/run/far.sock"]
proxy_protocol = "v2"
connect_timeout = "1s"
idle_timeout = "1h"
max_lifetime = "12h"
keepalive = "2m"
user_timeout = "0s"
on_remove = "close"
hold = "2s"
max_pending = 5

[default]
backend = "near"
)");
    CHECK(read->server.workers == 4);
    CHECK(read->server.hello_timeout == 2s);
    CHECK(read->server.hello_max == 16'384);
    CHECK(read->server.max_waiting == 100);
    CHECK(read->server.max_waiting_per_source == 10);
    CHECK(read->server.drain_timeout == 60s);
    CHECK(read->server.max_pipes == 64);
    CHECK(read->log.level == log_level::debug);
    CHECK(read->log.format == log_format::json);
    CHECK_FALSE(read->log.access);
    CHECK(read->log.hello);

    REQUIRE(read->listeners.size() == 3);
    const auto& first = read->listeners[0];
    CHECK(first.address == "192.0.2.1:443");
    CHECK(first.endpoint == ip_endpoint::parse("192.0.2.1:443"));
    CHECK(first.systemd_name.empty());
    CHECK(first.unmatched == policy::alert);
    CHECK(first.malformed == policy::reset);
    CHECK(first.not_tls == policy::close);
    const auto& second = read->listeners[1];
    CHECK_FALSE(second.endpoint);
    CHECK(second.systemd_name == "snipass");
    CHECK(second.malformed == policy::route_to_default);
    CHECK(second.not_tls == policy::reset); // as unmatched
    CHECK(read->listeners[2].address == "*:8443");
    CHECK(read->listeners[2].endpoint == ip_endpoint::parse("[::]:8443"));

    REQUIRE(read->routes.size() == 1);
    const auto& route = read->routes[0];
    CHECK(route.name_count == 3);
    CHECK(read->table.size() == 3);
    CHECK(route.alpn == std::vector<std::string>{"acme-tls/1", "h2"});
    CHECK(route.source.size() == 2);
    CHECK(route.where.line == 32);
    CHECK(route.where.column == 1);

    REQUIRE(read->backends.size() == 3);
    CHECK(read->backends[route.backend].name == "far");
    CHECK(read->default_backend == 0U);
    const auto& near = read->backends[0];
    CHECK(near.name == "near");
    CHECK(near.where.line == 38);
    CHECK(near.handoff == std::vector<std::string>{"/run/a.sock", "@b"});
    CHECK(near.proxy.empty());
    CHECK(near.hold == 0s);
    CHECK(near.ack_timeout == 200ms);
    CHECK(near.max_pending == 5);
    CHECK(near.sorry == 2U);
    CHECK(read->backends[1].protocol == handoff_protocol::datagram);
    const auto& far = read->backends[2];
    CHECK(far.handoff.empty());
    REQUIRE(far.proxy.size() == 3);
    CHECK(far.proxy[0].host == "10.0.0.5");
    CHECK(far.proxy[1].host == "backup.example.net");
    CHECK(far.proxy[1].port == 8443);
    CHECK(far.proxy[2].path == "/run/far.sock");
    CHECK(far.header == proxy_protocol::v2);
    CHECK(far.connect_timeout == 1s);
    CHECK(far.idle_timeout == 1h);
    CHECK(far.max_lifetime == 12h);
    CHECK(far.keepalive == 2min);
    CHECK(far.user_timeout == 0s);
    CHECK(far.on_remove == removal::close);
    CHECK(far.hold == 2s);
    CHECK(far.max_pending == 5);
}

TEST_CASE("parse: the table answers with the index of the route") {
    const auto read =
        valid("[[route]]\nnames = [\"a\"]\nbackend = \"b\"\n[[route]]\nnames = [\"*.a\"]\nbackend = \"b\"\n" +
              rest);
    CHECK(read->table.find(*host_name::parse("x.a"), {})->rule == 1);
}

TEST_CASE("parse: a lone string may stand for one address") {
    CHECK(valid(listener + fallback + "[backend.b]\nproxy = \"10.0.0.5:443\"\n")->backends[0].proxy.size() ==
          1);
}

TEST_CASE("parse: a limit holds, one more or less does not") {
    struct row {
        const char* key;
        std::string table;
        const char* good;
        const char* bad;
        const char* problem;
    };
    const std::string server = "[server]\n";
    const std::string handoff =
        "[[listener]]\naddress = \":1\"\n[default]\nbackend = \"x\"\n[backend.x]\nhandoff = \"unix:/x\"\n";
    const std::string proxy =
        "[[listener]]\naddress = \":1\"\n[default]\nbackend = \"x\"\n[backend.x]\nproxy = \"a:1\"\n";
    const auto row = GENERATE_COPY(values<struct row>({
        {"workers", server, "0", "-1", "-1 is out of range; write at least 0"},
        {"workers", server, "1024", "1025", "1025 is out of range; write at most 1024"},
        {"hello_timeout", server, "\"1ms\"", "\"0s\"", "\"0s\" is out of range; write at least \"1ms\""},
        {"hello_timeout", server, "\"24h\"", "\"86400001ms\"",
         "\"86400001ms\" is out of range; write at most \"24h\""},
        {"hello_max", server, "\"1024B\"", "\"1023B\"", "\"1023B\" is out of range; write at least \"1KiB\""},
        {"hello_max", server, "\"1MiB\"", "\"1048577B\"",
         "\"1048577B\" is out of range; write at most \"1MiB\""},
        {"max_waiting", server, "1", "0", "0 is out of range; write at least 1"},
        {"max_waiting", server, "1000000", "1000001", "1000001 is out of range; write at most 1000000"},
        {"max_waiting_per_source", server, "1", "0", "0 is out of range; write at least 1"},
        {"max_waiting_per_source", server, "1000000", "1000001",
         "1000001 is out of range; write at most 1000000"},
        {"drain_timeout", server, "\"0s\"", "\"25h\"", "\"25h\" is out of range; write at most \"24h\""},
        {"max_pipes", server, "0", "-1", "-1 is out of range; write at least 0"},
        {"max_pipes", server, "100000", "100001", "100001 is out of range; write at most 100000"},
        {"max_lifetime", proxy, "\"0s\"", "\"25h\"", "\"25h\" is out of range; write at most \"24h\""},
        {"keepalive", proxy, "\"0s\"", "\"25h\"", "\"25h\" is out of range; write at most \"24h\""},
        {"user_timeout", proxy, "\"0s\"", "\"25h\"", "\"25h\" is out of range; write at most \"24h\""},
        {"hold", handoff, "\"0s\"", "\"25h\"", "\"25h\" is out of range; write at most \"24h\""},
        {"ack_timeout", handoff, "\"1ms\"", "\"0ms\"", "\"0ms\" is out of range; write at least \"1ms\""},
        {"max_pending", handoff, "1", "0", "0 is out of range; write at least 1"},
        {"max_pending", handoff, "1000000", "1000001", "1000001 is out of range; write at most 1000000"},
        {"connect_timeout", proxy, "\"1ms\"", "\"0ms\"", "\"0ms\" is out of range; write at least \"1ms\""},
        {"idle_timeout", proxy, "\"24h\"", "\"1441m\"", "\"1441m\" is out of range; write at most \"24h\""},
    }));
    INFO(row.key);
    const auto behind = row.table == server ? rest : std::string{};
    CHECK(parse(row.table + row.key + " = " + row.good + "\n" + behind, "f").diagnostics.empty());
    const auto refused = parse(row.table + row.key + " = " + row.bad + "\n" + behind, "f");
    CHECK_FALSE(refused.value);
    REQUIRE(refused.diagnostics.size() == 1);
    CHECK(refused.diagnostics[0].message.ends_with(std::string(row.key) + ": " + row.problem));
}

TEST_CASE("parse: TOML syntax stops at the first error and says so") {
    const auto row = GENERATE(values<mistakes_row>({
        {"no value",
         "[server]\nworkers =\n",
         {"2:10: error: TOML syntax: Error while parsing key-value pair: expected value, saw '\\n'; nothing "
          "else in the file was checked"}},
        {"a key twice",
         "[log]\naccess = true\naccess = true\n",
         {"3:10: error: TOML syntax: Error while parsing key-value pair: cannot redefine existing boolean "
          "'access'; nothing else in the file was checked"}},
        {"a table twice",
         "[log]\n[log]\n",
         {"2:1: error: TOML syntax: Error while parsing table header: cannot redefine existing table 'log'; "
          "nothing else in the file was checked"}},
        {"bytes that are no UTF-8",
         "a = \"\xff\"\n",
         {"1:5: error: TOML syntax: Encountered invalid utf-8 sequence; nothing else in the file was "
          "checked"}},
        {"nesting without an end",
         "a = " + std::string(10'000, '['),
         {"1:261: error: TOML syntax: Error while parsing value: exceeded maximum nested value depth of 256 "
          "(TOML_MAX_NESTED_VALUES); nothing else in the file was checked"}},
        {"a key that nests without an end",
         "\n" + std::string(2'000, 'a') + std::string(100'000, '.'),
         {"2:1: error: more than 1000 dots without a comma between them; write shorter keys, or break the "
          "line"}},
    }));
    check(row);
}

TEST_CASE("parse: many dots in a line of many names are fine") {
    std::string names;
    for (int i = 0; i < 2'000; ++i)
        names += "\"n" + std::to_string(i) + ".example\",";
    check({"2,000 names in a line", "[[route]]\nnames = [" + names + "]\nbackend = \"b\"\n" + rest, {}});
}

TEST_CASE("parse: diagnostics come in the order of the file, errors and warnings alike") {
    check({"from all tables",
           R"([backend.b]
hold = 5
[backend.unused]
handoff = "unix:x"
[log]
levl = "info"
[[listener]]
address = ":443"
malformed = "default"
[server]
workers = true
)",
           {"1:1: error: backend.b: neither handoff nor proxy; write handoff = \"unix:/run/b.sock\" for a "
            "process on this machine, or proxy = [\"192.0.2.1:443\"]",
            "1:1: warning: backend.b: nothing leads to it; write it into a route, a sorry or [default], or "
            "leave it out",
            "2:8: error: backend.b.hold: expected a duration, not the integer 5; write \"5s\"",
            "3:1: warning: backend.unused: nothing leads to it; write it into a route, a sorry or [default], "
            "or leave it out",
            "4:11: error: backend.unused.handoff: \"unix:x\" is a relative path; write one from the root, "
            "such as \"unix:/run/x\"",
            "6:1: error: log.levl: unknown key; write \"level\"",
            "9:13: warning: listener.malformed: there is no [default], so these clients are closed; write "
            "\"close\", or a [default]",
            "11:11: error: server.workers: expected a whole number, not true; write one from 0 to 1024"}});
}

TEST_CASE("load: a file of any size") {
    char name[] = "/tmp/snipass-load-XXXXXX";
    const int file = ::mkstemp(name);
    REQUIRE(file >= 0);
    ::close(file);
    std::string names;
    for (int i = 0; i < 10'000; ++i)
        names += "\"n" + std::to_string(i) + ".example\",\n";
    std::ofstream{name} << "[[route]]\nnames = [" << names << "]\nbackend = \"b\"\n" << rest;
    const auto loaded = load(name);
    ::unlink(name);
    REQUIRE(loaded.value);
    CHECK(loaded.value->file == name);
    CHECK(loaded.value->table.size() == 10'000);
    CHECK(load("/dev/null").diagnostics.size() == 1); // no [[listener]]
}

TEST_CASE("load: a file that cannot be read is a diagnostic") {
    const auto missing = load("/nonexistent/snipass.toml");
    CHECK_FALSE(missing.value);
    REQUIRE(missing.diagnostics.size() == 1);
    CHECK(missing.diagnostics[0].to_string("f") == "f: error: cannot be read: No such file or directory");
    const auto directory = load("/");
    CHECK_FALSE(directory.value);
    REQUIRE(directory.diagnostics.size() == 1);
    CHECK(directory.diagnostics[0].to_string("f") == "f: error: cannot be read: Is a directory");
}
