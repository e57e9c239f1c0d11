// SPDX-License-Identifier: BSL-1.0
// Who may come to a listener, and how often.
#include "mistakes.hpp"
#include "snipass/config/explain.hpp"

using namespace snipass;
using namespace snipass::config;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;

namespace {

const std::string site = backend + fallback + listener;

std::optional<admission_settings> read(const std::string& keys) {
    const auto parsed = parse(site + keys, "f");
    REQUIRE(parsed.diagnostics.empty());
    return parsed.value->listeners.at(0).admission;
}

} // namespace

TEST_CASE("admission: a listener without its keys has none") {
    CHECK_FALSE(read(""));
}

TEST_CASE("admission: allow and deny are networks, or one") {
    const auto made = read("allow = [\"192.0.2.0/24\", \"2001:db8::/32\"]\ndeny = \"192.0.2.66\"\n");
    REQUIRE(made);
    CHECK_FALSE(made->limits_rates());
    const auto why = [&](const char* client) { return made->why_denied(ip_address::parse(client).value()); };
    CHECK(why("192.0.2.1").empty());
    CHECK(why("2001:db8::1").empty());
    CHECK(why("192.0.2.66") == "it is in deny");
    CHECK(why("203.0.113.1") == "it is not in allow");
}

TEST_CASE("admission: a burst is as many as come in ten seconds, and of all in one") {
    const auto made = read("max_rate_per_source = 20\nmax_rate = 1000\n");
    REQUIRE(made);
    CHECK(made->per_source == rate{20, 200});
    CHECK(made->all == rate{1'000, 1'000});
    const auto given =
        read("max_rate_per_source = 20\nmax_burst_per_source = 5\nmax_rate = 1000\nmax_burst = 7\n");
    CHECK(given->per_source == rate{20, 5});
    CHECK(given->all == rate{1'000, 7});
}

TEST_CASE("mistakes in admission") {
    check(GENERATE(values<mistakes_row>({
        {"a burst of no rate",
         site + "max_burst = 5\n",
         {"7:1: error: listener.max_burst: belongs to max_rate; write that, too"}},
        {"a source's",
         site + "max_burst_per_source = 5\n",
         {"7:1: error: listener.max_burst_per_source: belongs to max_rate_per_source; write that, too"}},
        {"a network with host bits",
         site + "deny = [\"192.0.2.1/24\"]\n",
         {"7:9: error: listener.deny: \"192.0.2.1/24\" has bits behind its length; write \"192.0.2.0/24\", "
          "or the address alone for one client"}},
        {"allow nobody",
         site + "allow = []\n",
         {"7:9: error: listener.allow: an empty array, which would let nobody in; write networks, or leave "
          "it "
          "out and everybody may come"}},
        {"deny nobody",
         site + "deny = []\n",
         {"7:8: error: listener.deny: an empty array, which keeps nobody out; write networks, or leave it "
          "out"}},
        {"a rate in words",
         site + "max_rate = \"100/s\"\n",
         {"7:12: error: listener.max_rate: expected a whole number, not the string \"100/s\"; write "
          "one from 1 to 1000000"}},
    })));
}

TEST_CASE("explain: says which listeners are closed to an address") {
    const auto file = parse(site + "deny = [\"192.0.2.0/24\"]\n", "f").value;
    REQUIRE(file);
    explain_query query{.host_name = "www.example.com", .source = ip_address::parse("192.0.2.1")};
    CHECK_THAT(
        *explain(*file, query).value,
        StartsWith("it is denied, wherever it comes to:\nlistener \"[::]:443\" is closed to 192.0.2.1: "
                   "it is in deny\notherwise \"www.example.com\" "));
    const auto two =
        parse(site + "deny = [\"192.0.2.0/24\"]\n[[listener]]\naddress = \"[::]:444\"\n", "f").value;
    REQUIRE(two);
    CHECK_THAT(
        *explain(*two, query).value,
        StartsWith("listener \"[::]:443\" is closed to 192.0.2.1: it is in deny\nby another listener \""));
    query.source = ip_address::parse("203.0.113.1");
    CHECK_THAT(*explain(*file, query).value, !ContainsSubstring("is closed to"));
}
