// SPDX-License-Identifier: BSL-1.0
// [metrics]: what it may say, and what an admin is told who says something else.
#include "mistakes.hpp"
#include "snipass/config/part.hpp"

using namespace snipass::config;

namespace {

metrics_settings read(const std::string& text) {
    const auto parsed = parse(text + rest, "f");
    REQUIRE(parsed.value);
    REQUIRE(parsed.value->metrics);
    return *parsed.value->metrics;
}

} // namespace

TEST_CASE("metrics: one address, or several, of each kind") {
    CHECK(read("[metrics]\naddress = \"127.0.0.1:9145\"\n").addresses[0].endpoint->to_string() ==
          "127.0.0.1:9145");
    const auto several =
        read("[metrics]\naddress = [\"[::1]:9145\", \"unix:/run/m.sock\", \"*:9146\"]\n").addresses;
    REQUIRE(several.size() == 3);
    CHECK(several[0].is_local());
    CHECK(several[1].path == "/run/m.sock");
    CHECK(several[1].is_local());
    CHECK(several[2].every_address);
    CHECK(!several[2].is_local());
}

TEST_CASE("metrics: a file without the table has none, and snipass-tls has them for the router") {
    CHECK(!parse(rest, "f").value->metrics);
    configuration whole;
    whole.metrics.emplace();
    whole.tls.emplace();
    keep(whole, part::tls);
    REQUIRE(whole.metrics);
    CHECK(whole.metrics->is_for_router);
    REQUIRE(whole.metrics->addresses.size() == 1);
    CHECK(whole.metrics->addresses[0].path == "/run/snipass-tls/handoff.sock.status");
    whole.tls->handoff_path = std::string(107, '/'); // with what stands behind it, it is no path of a socket
    keep(whole, part::tls);
    CHECK(!whole.metrics);
}

TEST_CASE("metrics: each route has a name of its own") {
    const auto route = [](const std::string& conditions) {
        return "[[route]]\n" + conditions + "\nbackend = \"b\"\n";
    };
    const auto text = "[metrics]\naddress = \"127.0.0.1:9145\"\nroutes = true\n" +
                      route("names = [\"B.example\", \"c.example\"]") +
                      route("names = [\"*.example\"]\nalpn = [\"h2\", \"x\"]\nsource = [\"192.0.2.0/24\"]") +
                      route("names = [\"/b+/\"]") + route("names = [\"/b+/\"]") +
                      route("source = [\"192.0.2.1\"]");
    CHECK(read(text).route_names ==
          std::vector<std::string>{"b.example", "*.example alpn=h2,x source=192.0.2.0/24", "/b+/", "/b+/ #2",
                                   "any name source=192.0.2.1/32"});
    CHECK(read("[metrics]\naddress = \"127.0.0.1:9145\"\n" + route("names = [\"a\"]")).route_names.empty());
}

TEST_CASE("mistakes in [metrics]") {
    check(GENERATE(values<mistakes_row>({
        {"no address",
         "[metrics]\nroutes = true\n" + rest,
         {"1:1: error: metrics: no address; write address = \"127.0.0.1:9145\", or leave [metrics] out"}},
        {"a key misspelt",
         "[metrics]\nadress = \"127.0.0.1:9145\"\n" + rest,
         {"2:1: error: metrics.adress: unknown key; write \"address\""}},
        {"a port alone",
         "[metrics]\naddress = 9145\n" + rest,
         {"2:11: error: metrics.address: expected an address in quotes, not a port alone; write "
          "\"127.0.0.1:9145\""}},
        {"a port alone, in quotes",
         "[metrics]\naddress = \"9145\"\n" + rest,
         {"2:11: error: metrics.address: \"9145\" is a port alone; write \"127.0.0.1:9145\""}},
        {"a name",
         "[metrics]\naddress = \"localhost:9145\"\n" + rest,
         {"2:11: error: metrics.address: \"localhost:9145\" is a name; write an address, such as "
          "\"127.0.0.1:9145\""}},
        {"no port",
         "[metrics]\naddress = \"::1\"\n" + rest,
         {"2:11: error: metrics.address: \"::1\" has no port, or no brackets; write \"[::1]:9145\""}},
        {"a path",
         "[metrics]\naddress = \"/run/m.sock\"\n" + rest,
         {"2:11: error: metrics.address: \"/run/m.sock\" is a path; write \"unix:/run/m.sock\""}},
        {"a URL",
         "[metrics]\naddress = \"http://127.0.0.1:9145/metrics\"\n" + rest,
         {"2:11: error: metrics.address: \"http://127.0.0.1:9145/metrics\" is a URL; write the address "
          "alone, "
          "such as \"127.0.0.1:9145\""}},
        {"a socket of systemd's",
         "[metrics]\naddress = \"systemd:metrics\"\n" + rest,
         {"2:11: error: metrics.address: \"systemd:metrics\" is for a [[listener]]; metrics have a socket of "
          "their own; write \"127.0.0.1:9145\" or \"unix:/run/snipass/metrics.sock\""}},
        {"the abstract namespace",
         "[metrics]\naddress = \"unix:@m\"\n" + rest,
         {"2:11: error: metrics.address: \"unix:@m\" is in the abstract namespace, where nothing keeps "
          "strangers out; write a path such as \"unix:/run/snipass/metrics.sock\""}},
        {"nonsense",
         "[metrics]\naddress = [\"here\", \"there:\"]\n" + rest,
         {"2:12: error: metrics.address: \"here\" is not an address and a port; write one such as "
          "\"127.0.0.1:9145\" or \"unix:/run/snipass/metrics.sock\"",
          "2:20: error: metrics.address: \"there:\" is not an address and a port; write one such as "
          "\"127.0.0.1:9145\" or \"unix:/run/snipass/metrics.sock\""}},
        {"an address twice",
         "[metrics]\naddress = [\"127.0.0.1:9145\", \"127.0.0.1:9145\"]\n" + rest,
         {"2:30: error: metrics.address: \"127.0.0.1:9145\" is there already; leave it out"}},
        {"an address of a listener's",
         "[metrics]\naddress = \"[::]:443\"\n" + rest,
         {"2:11: warning: metrics.address: \"[::]:443\" is not loopback: whoever gets there reads the names "
          "of "
          "backends and the addresses of clients; write \"127.0.0.1:443\" or \"unix:PATH\", or let a "
          "firewall "
          "keep strangers out",
          "2:11: error: metrics.address: \"[::]:443\" is what the listener at line 4 has; write another "
          "port"}},
        {"an address that strangers get to",
         "[metrics]\naddress = \"0.0.0.0:9145\"\n" + rest,
         {"2:11: warning: metrics.address: \"0.0.0.0:9145\" is not loopback: whoever gets there reads the "
          "names of backends and the addresses of clients; write \"127.0.0.1:9145\" or \"unix:PATH\", or let "
          "a firewall keep strangers out"}},
        {"a host with its port",
         "[metrics]\naddress = \"127.0.0.1:9145\"\nhosts = [\"a.example:9145\"]\n" + rest,
         {"3:10: error: metrics.hosts: \"a.example:9145\" is no host name; write one without a port, such as "
          "\"router.example.com\" (addresses and \"localhost\" need not be listed)"}},
    })));
}
