// SPDX-License-Identifier: BSL-1.0
#include "snipass/config/parse.hpp"

#include "mistakes.hpp"

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
    CHECK(read->listeners[0].foreign == policy::route_to_default);
    REQUIRE(read->backends.size() == 1);
    REQUIRE(read->backends[0].handoff());
    CHECK(read->backends[0].handoff()->protocol == handoff_protocol::stream);
    CHECK(read->backends[0].handoff()->ack_timeout == 1s);
    CHECK(read->backends[0].hold == 5s);
    CHECK(read->backends[0].max_pending == 1'024);
    CHECK_FALSE(read->backends[0].sorry);
}

TEST_CASE("parse: what is left out of a proxied backend has its default") {
    const auto read = valid(listener + fallback + "[backend.b]\nproxy = [\"10.0.0.5:443\"]\n");
    const auto* const relay = read->backends[0].relay();
    REQUIRE(relay);
    CHECK(relay->header == proxy_protocol::none);
    CHECK(relay->connect_timeout == 3s);
    CHECK(relay->idle_timeout == 10min);
}

TEST_CASE("parse: with a sorry backend nobody is held, unless the file says so") {
    const auto row = GENERATE(values<std::pair<std::string, milliseconds>>({
        {"", 5s},
        {"sorry = \"c\"\n", 0s},
        {"sorry = \"c\"\nhold = \"2s\"\n", 2s},
        {"hold = \"2s\"\nsorry = \"c\"\n", 2s},
    }));
    const auto* const where = GENERATE("handoff = \"unix:/b\"\n", "proxy = [\"10.0.0.5:443\"]\n");
    INFO(row.first << where);
    const auto parsed = parse(listener + fallback + "[backend.b]\n" + where + row.first +
                                  "[backend.c]\nhandoff = \"unix:/c\"\n",
                              "f");
    REQUIRE(parsed.value);
    CHECK(parsed.value->backends[0].hold == row.second);
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
max_pipe_memory = "8MiB"
max_relayed = 500
max_relayed_per_source = 50

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
accept_proxy_protocol = ["10.0.0.0/8", "2001:db8::1"]

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
max_unanswered = 7
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
balance = "source_hash"
resolve_interval = "10s"
eject_after = 5
check = "tls"
check_interval = "7s"
max_lifetime = "12h"
keepalive = "2m"
user_timeout = "0s"
min_rate = "64KiB"
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
    CHECK(read->server.max_pipe_memory == 8U << 20);
    CHECK(read->server.max_relayed == 500);
    CHECK(read->server.max_relayed_per_source == 50U);
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
    CHECK(first.foreign == policy::close);
    CHECK(first.accept_proxy_protocol ==
          std::vector{*ip_prefix::parse("10.0.0.0/8"), *ip_prefix::parse("2001:db8::1")});
    CHECK(read->listeners[1].accept_proxy_protocol.empty());
    const auto& second = read->listeners[1];
    CHECK_FALSE(second.endpoint);
    CHECK(second.systemd_name == "snipass");
    CHECK(second.malformed == policy::route_to_default);
    CHECK(second.foreign == policy::reset); // as unmatched
    CHECK(read->listeners[2].address == "*:8443");
    CHECK(read->listeners[2].endpoint == ip_endpoint::parse("[::]:8443"));

    REQUIRE(read->routes.size() == 1);
    const auto& route = read->routes[0];
    CHECK(route.name_count == 3);
    CHECK(read->table.size() == 3);
    CHECK(route.alpn == std::vector<std::string>{"acme-tls/1", "h2"});
    CHECK(route.source.size() == 2);
    CHECK(route.where.line == 36);
    CHECK(route.where.column == 1);

    REQUIRE(read->backends.size() == 3);
    CHECK(read->backends[route.backend].name == "far");
    CHECK(read->default_backend == 0U);
    const auto& near = read->backends[0];
    CHECK(near.name == "near");
    CHECK(near.where.line == 42);
    REQUIRE(near.handoff());
    CHECK(near.handoff()->paths == std::vector<std::string>{"/run/a.sock", "@b"});
    CHECK(near.handoff()->ack_timeout == 200ms);
    CHECK(near.handoff()->max_unanswered == 7U);
    CHECK(near.hold == 0s);
    CHECK(near.max_pending == 5);
    CHECK(near.sorry == 2U);
    REQUIRE(read->backends[1].handoff());
    CHECK(read->backends[1].handoff()->protocol == handoff_protocol::datagram);
    REQUIRE(read->backends[2].relay());
    const auto& far = *read->backends[2].relay();
    REQUIRE(far.addresses.size() == 3);
    CHECK(far.addresses[0].host == "10.0.0.5");
    CHECK(far.addresses[1].host == "backup.example.net");
    CHECK(far.addresses[1].port == 8443);
    CHECK(far.addresses[2].path == "/run/far.sock");
    CHECK(far.header == proxy_protocol::v2);
    CHECK(far.connect_timeout == 1s);
    CHECK(far.idle_timeout == 1h);
    CHECK(far.balance == balance::source_hash);
    CHECK(far.resolve_interval == 10s);
    CHECK(far.eject_after == 5);
    CHECK(far.check == health_check::tls);
    CHECK(far.check_interval == 7s);
    CHECK(far.max_lifetime == 12h);
    CHECK(far.keepalive == 2min);
    CHECK(far.user_timeout == 0s);
    CHECK(far.min_rate == 65'536);
    CHECK(far.on_remove == removal::close);
    CHECK(read->backends[2].hold == 2s);
    CHECK(read->backends[2].max_pending == 5);
}

TEST_CASE("parse: the table answers with the index of the route") {
    const auto read =
        valid("[[route]]\nnames = [\"a\"]\nbackend = \"b\"\n[[route]]\nnames = [\"*.a\"]\nbackend = \"b\"\n" +
              rest);
    CHECK(read->table.find(*host_name::parse("x.a"), {})->rule == 1);
}

TEST_CASE("parse: a lone string may stand for one address") {
    CHECK(valid(listener + fallback + "[backend.b]\nproxy = \"10.0.0.5:443\"\n")
              ->backends[0]
              .relay()
              ->addresses.size() == 1);
}
