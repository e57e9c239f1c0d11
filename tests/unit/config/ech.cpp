// SPDX-License-Identifier: BSL-1.0
// [ech], and backends that take clients whose hello was encrypted.
#include "catch.hpp"
#include "snipass/config/explain.hpp"
#include "snipass/config/parse.hpp"
#include "snipass/config/part.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

using namespace snipass::config;

namespace {

const std::string head = "[[listener]]\naddress = \"[::]:443\"\n[default]\nbackend = \"a\"\n";
const std::string ech = "[ech]\n";
const std::string taking = "[backend.a]\nhandoff = \"unix:/run/a.sock\"\nech = \"own_keys\"\n";

std::vector<std::string> told(const std::string& text) {
    std::vector<std::string> all;
    for (const auto& one : parse(text, "f").diagnostics)
        all.push_back((one.level == severity::error ? "error: " : "warning: ") + one.message);
    return all;
}

bool says(const std::string& text, const std::string& what) {
    const auto all = told(text);
    return std::ranges::any_of(all, [&](const auto& one) { return one.find(what) != std::string::npos; });
}

} // namespace

TEST_CASE("[ech]: the keys, the helper, and the defaults") {
    const auto file = parse(head + ech + taking, "f").value;
    REQUIRE(file);
    REQUIRE(file->ech);
    CHECK(file->ech->keys == "/etc/snipass/ech.d");
    CHECK(file->ech->helper_path == "/run/snipass-ech/open.sock");
    CHECK(file->backends[0].ech == ech_mode::own_keys);
    const auto other =
        parse(head + "[ech]\nkeys = \"/k\"\nhelper = \"unix:/h\"\nallowed_users = [\"7\"]\n" + taking, "f")
            .value;
    REQUIRE(other);
    CHECK(other->ech->keys == "/k");
    CHECK(other->ech->helper_path == "/h");
    REQUIRE(other->ech->allowed_users.size() == 1);
    CHECK(other->ech->allows_listed_only);
}

TEST_CASE("[ech]: mistakes") {
    CHECK(says(head + taking, "error: backend.a.ech: there is no [ech]; write one"));
    CHECK(says(head + "[ech]\nkeys = \"ech.d\"\n" + taking, "is a relative path"));
    CHECK(says(head + "[ech]\nhelper = \"unix:@h\"\n" + taking, "abstract namespace"));
    CHECK(says(head + ech + "[backend.a]\nhandoff = \"unix:/run/a.sock\"\nech = \"keys\"\n", "own_keys"));
    CHECK(says(head + ech + "[backend.a]\nproxy = \"{host_name}:443\"\nech = \"own_keys\"\n",
               "a host that the client chooses"));
    CHECK(says(head + ech +
                   "[tls]\ncertificates = [\"/c\"]\n[backend.a]\nhandoff = \"unix:/run/a.sock\"\ntls = "
                   "\"terminate\"\nech = \"own_keys\"\n",
               "its TLS ends in snipass-tls"));
    CHECK(
        says(head + ech +
                 "[backend.a]\nhandoff = \"unix:/run/a.sock\"\nprotocol = \"datagram\"\nech = \"carried\"\n",
             "needs a header"));
}

TEST_CASE("[ech]: warnings") {
    CHECK(says(head + ech + "[backend.a]\nhandoff = \"unix:/run/a.sock\"\n", "warning: ech: no backend has"));
    const std::string far = "[backend.a]\nproxy = \"9.9.9.9:443\"\nech = \"own_keys\"\n";
    CHECK(told(head + ech + far).empty());
    const std::string carried = "[backend.a]\nech = \"carried\"\nproxy = ";
    CHECK(says(head + ech + carried + "\"9.9.9.9:443\"\n", "sends the hello that was encrypted in clear"));
    CHECK(told(head + ech + carried + "\"10.0.0.1:443\"\n").empty());
    CHECK(says(head + ech + far + "proxy_protocol = \"v2\"\n", "sends the name that was encrypted in clear"));
    CHECK(told(head + ech +
               "[backend.a]\nproxy = \"10.0.0.1:443\"\nech = \"own_keys\"\nproxy_protocol = \"v2\"\n")
              .empty());
    CHECK(says(head + ech + taking + "sorry = \"b\"\n[backend.b]\nhandoff = \"unix:/run/b.sock\"\n",
               "\"b\" has no ech"));
}

TEST_CASE("[ech]: what each program has of it") {
    const auto part_of = [](part which) {
        const auto text = head + "[ech]\nallowed_users = [\"7\"]\n" + taking;
        auto made = std::const_pointer_cast<configuration>(parse(text, "f").value);
        REQUIRE(made);
        keep(*made, which);
        return made->ech;
    };
    const auto of_router = part_of(part::router);
    REQUIRE(of_router);
    CHECK(of_router->allowed_users.empty());
    CHECK_FALSE(part_of(part::tls));
    const auto of_helper = part_of(part::ech);
    REQUIRE(of_helper);
    CHECK(of_helper->allowed_users.size() == 1);
}
