// SPDX-License-Identifier: BSL-1.0
#include "snipass/telling/outcome.hpp"

#include "catch.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

using namespace snipass;
using server::outcome;

TEST_CASE("outcome: each has a name of its own, of lower-case letters and underscores") {
    std::set<std::string> names;
    for (std::size_t i = 0; i < server::outcome_count; ++i) {
        const auto name = server::to_string(static_cast<outcome>(i));
        CAPTURE(i, name);
        CHECK_FALSE(name.empty());
        CHECK(std::ranges::all_of(name, [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; }));
        CHECK(names.emplace(name).second);
    }
}

TEST_CASE("outcome: docs/log.md says what each means") {
    std::ifstream file{SNIPASS_SOURCE_DIR "/docs/log.md"};
    const std::string page{std::istreambuf_iterator<char>{file}, {}};
    for (std::size_t i = 0; i < server::outcome_count; ++i) {
        const std::string name{server::to_string(static_cast<outcome>(i))};
        CAPTURE(name);
        CHECK(page.find("\n| `" + name + "` | ") != std::string::npos);
    }
}

TEST_CASE("outcome: the names are those of the enumerators") {
    CHECK(server::to_string(outcome::handed_off) == "handed_off");
    CHECK(server::to_string(outcome::not_tls) == "not_tls");
    CHECK(server::to_string(outcome::shed_source) == "shed_source");
    CHECK(server::to_string(outcome::backend_max_pending) == "backend_max_pending");
    CHECK(server::to_string(outcome::cut_off) == "cut_off");
    CHECK(server::to_string(outcome::internal_error) == "internal_error");
}

TEST_CASE("outcome: a fault is a backend's or this machine's, and no stranger's") {
    for (const auto fault : {outcome::backend_absent, outcome::backend_declined, outcome::backend_max_pending,
                             outcome::max_relayed, outcome::no_resources, outcome::internal_error})
        CHECK(server::is_fault(fault));
    for (const auto other :
         {outcome::handed_off, outcome::proxied, outcome::no_route, outcome::malformed, outcome::shed,
          outcome::client_closed, outcome::destination_refused, outcome::backend_overdue_source})
        CHECK_FALSE(server::is_fault(other));
}
