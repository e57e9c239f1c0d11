// SPDX-License-Identifier: BSL-1.0
#include "snipass/process/drains.hpp"

#include "catch.hpp"
#include "snipass/backends/target_list.hpp"
#include "snipass/config/parse.hpp"

using namespace snipass;
using namespace snipass::server;

namespace {

std::shared_ptr<const config::configuration> configured(const std::string& backends) {
    auto parsed = config::parse("[[listener]]\naddress = \"[::]:443\"\n" + backends, "f");
    REQUIRE(parsed.value);
    return parsed.value;
}

const std::string relayed = "[backend.a]\nproxy = [\"10.0.0.1:443\", \"10.0.0.2:443\"]\n";
const std::string taking = "[backend.b]\nhandoff = [\"unix:/run/1.sock\", \"unix:/run/2.sock\"]\n";

} // namespace

TEST_CASE("drains: what is drained is not among the addresses that a client's connection tries") {
    const auto file = configured(relayed + taking);
    address_book book;
    drains all{book};
    target_list list{file->backends[0], book};
    const auto client = *ip_address::parse("192.0.2.1");
    CHECK(list.in_order(client).size() == 2);
    CHECK(all.set(*file, "a", "10.0.0.1:443", true).empty());
    REQUIRE(list.in_order(client).size() == 1);
    CHECK(name_of(list.in_order(client)[0]) == "10.0.0.2:443");
    CHECK(!list.drained().is_whole());
    CHECK(all.set(*file, "a", "10.0.0.1:443", false).empty());
    CHECK(list.in_order(client).size() == 2);
}

TEST_CASE("drains: a backend that has clients again has them at all its addresses") {
    const auto file = configured(relayed + taking);
    address_book book;
    drains all{book};
    const drain_state state{file->backends[1], book};
    CHECK(all.set(*file, "b", "unix:/run/2.sock", true).empty());
    CHECK(all.set(*file, "b", "", true).empty());
    CHECK(state.is_whole());
    CHECK(!state.has(0));
    CHECK(state.has(1));
    CHECK(all.set(*file, "b", "", false).empty());
    CHECK(!state.is_whole());
    CHECK(!state.has(1));
}

TEST_CASE("drains: over a reload they last as long as the file has the backend and the address") {
    const auto file = configured(relayed + taking);
    address_book book;
    drains all{book};
    CHECK(all.set(*file, "a", "10.0.0.1:443", true).empty());
    CHECK(all.set(*file, "b", "", true).empty());
    const auto next = configured("[backend.a]\nproxy = [\"10.0.0.2:443\"]\n" + taking);
    all.keep(*next);
    all.keep(*file);
    CHECK(!drain_state{file->backends[0], book}.has(0));
    CHECK(drain_state{file->backends[1], book}.is_whole());
}

TEST_CASE("drains: what cannot be drained is said") {
    const auto file =
        configured(relayed + "[backend.r]\nredirect = \"https\"\n[backend.blog]\nproxy = [\"10.0.0.3:1\"]\n");
    address_book book;
    drains all{book};
    CHECK(all.set(*file, "blgo", "", true) == "there is no backend \"blgo\"; write blog");
    CHECK(all.set(*file, "r", "", true).find("redirect") != std::string::npos);
    CHECK(all.set(*file, "a", "10.0.0.9:443", true) ==
          "a has no address \"10.0.0.9:443\"; it has 10.0.0.1:443, 10.0.0.2:443");
}
