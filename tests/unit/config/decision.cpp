// SPDX-License-Identifier: BSL-1.0
#include "snipass/config/decision.hpp"

#include "mistakes.hpp"

using namespace snipass;
using namespace snipass::config;

namespace {

const std::string routes = R"([[route]]
names = ["a.example"]
backend = "exact"
[[route]]
names = ["*.example"]
backend = "wildcard"
[[route]]
names = ["/.*\\.test/"]
backend = "regex"
[[route]]
source = ["192.0.2.0/24"]
backend = "near"
[backend.exact]
handoff = "unix:/e"
[backend.wildcard]
handoff = "unix:/w"
[backend.regex]
handoff = "unix:/r"
[backend.near]
handoff = "unix:/n"
)";
const std::string with_default =
    "[default]\nbackend = \"fallback\"\n[backend.fallback]\nhandoff = \"unix:/f\"\n";

struct row {
    const char* behaviour;
    std::string policies;
    std::string more;
    hello_kind hello;
    const char* name; // null: none, or not a host name
    match_kind match;
    std::string outcome; // a backend's name, or a refusal
};

std::string outcome(const configuration& configuration, const decision& decided) {
    if (decided.backend)
        return configuration.backends[*decided.backend].name;
    switch (decided.refusal) {
    case policy::close:
        return "close";
    case policy::reset:
        return "reset";
    case policy::alert:
        return "alert";
    case policy::status:
        return "status";
    case policy::route_to_default:
        break;
    }
    return "no refusal";
}

} // namespace

TEST_CASE("decide: a route without names is asked first, whatever name there is, or none") {
    const auto parsed = parse(listener + routes + with_default, "f");
    REQUIRE(parsed.value);
    const route::client_facts near{*ip_address::parse("192.0.2.9"), {}};
    const auto decided = [&](hello_kind hello, const std::optional<host_name>& name) {
        return decide(*parsed.value, parsed.value->listeners[0], hello, name, near);
    };
    for (const auto& one :
         {decided(hello_kind::with_name, host_name::parse("a.example")),
          decided(hello_kind::with_name, std::nullopt), decided(hello_kind::without_name, std::nullopt)}) {
        CHECK(one.match == match_kind::conditions);
        CHECK(to_string(one.match) == "conditions");
        CHECK(outcome(*parsed.value, one) == "near");
        CHECK(one.route == 3U);
    }
    CHECK(decided(hello_kind::malformed, std::nullopt).match == match_kind::malformed);
    CHECK(decided(hello_kind::foreign, std::nullopt).match == match_kind::not_tls);
}

TEST_CASE("decide: what becomes of a client") {
    using hello = hello_kind;
    using match = match_kind;
    const std::string none;
    const auto row = GENERATE_COPY(values<struct row>({
        {"an exact name", none, none, hello::with_name, "A.example", match::exact, "exact"},
        {"a wildcard", none, none, hello::with_name, "b.a.example", match::wildcard, "wildcard"},
        {"a regex", none, none, hello::with_name, "a.test", match::regex, "regex"},
        {"no route, no [default]", none, none, hello::with_name, "a.org", match::no_route, "close"},
        {"no route", none, with_default, hello::with_name, "a.org", match::no_route, "fallback"},
        {"a name that is no host name", none, with_default, hello::with_name, nullptr, match::no_route,
         "fallback"},
        {"no name", none, with_default, hello::without_name, nullptr, match::no_server_name, "fallback"},
        {"no name, alert", "unmatched = \"alert\"", with_default, hello::without_name, nullptr,
         match::no_server_name, "alert"},
        {"no route, reset", "unmatched = \"reset\"", with_default, hello::with_name, "a.org", match::no_route,
         "reset"},
        {"no route, close", "unmatched = \"close\"", with_default, hello::with_name, "a.org", match::no_route,
         "close"},
        {"unmatched does not touch a match", "unmatched = \"reset\"", none, hello::with_name, "a.example",
         match::exact, "exact"},
        {"malformed closes although there is a [default]", none, with_default, hello::malformed, nullptr,
         match::malformed, "close"},
        {"malformed is never routed by a name", none, with_default, hello::malformed, "a.example",
         match::malformed, "close"},
        {"malformed, alert", "malformed = \"alert\"", with_default, hello::malformed, nullptr,
         match::malformed, "alert"},
        {"malformed, default", "malformed = \"default\"", with_default, hello::malformed, nullptr,
         match::malformed, "fallback"},
        {"not TLS, as unmatched", "unmatched = \"reset\"", with_default, hello::foreign, nullptr,
         match::not_tls, "reset"},
        {"not TLS, close", "not_tls = \"close\"", with_default, hello::foreign, nullptr, match::not_tls,
         "close"},
        {"not TLS", none, with_default, hello::foreign, nullptr, match::not_tls, "fallback"},
        {"not TLS, alert: who speaks no TLS gets none", "not_tls = \"alert\"", with_default, hello::foreign,
         nullptr, match::not_tls, "close"},
    }));
    INFO(row.behaviour);
    const auto parsed = parse(listener + row.policies + "\n" + routes + row.more, "f");
    REQUIRE(parsed.value);
    const auto name = row.name ? host_name::parse(row.name) : std::nullopt;
    const auto decided = decide(*parsed.value, parsed.value->listeners[0], row.hello, name, {});
    CHECK(decided.match == row.match);
    CHECK(outcome(*parsed.value, decided) == row.outcome);
    CHECK(decided.route.has_value() == (row.outcome == to_string(row.match)));
}
