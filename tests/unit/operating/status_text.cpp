// SPDX-License-Identifier: BSL-1.0
// The status page as text.
#include "snipass/operating/status_text.hpp"

#include "catch.hpp"

using namespace snipass::server;

TEST_CASE("status: what nobody knows without /proc is not called nothing") {
    status now;
    now.process.max_descriptors = 20'000;
    CHECK(to_text(now, false).find("process: memory unknown (no /proc), unknown of 20000 descriptors\n") !=
          std::string::npos);
    now.process.descriptors = 12;
    CHECK(to_text(now, false).find(", 12 of 20000 descriptors\n") != std::string::npos);
}

TEST_CASE("status: the address of a backend that is away is not up") {
    status now;
    auto& one = now.backends.emplace_back();
    one.name = "blog";
    one.addresses.push_back({.written = "unix:/run/blog.sock", .endpoint = "unix:/run/blog.sock"});
    CHECK(to_text(now, false).find(" up") != std::string::npos);
    one.takes_clients = false;
    const auto text = to_text(now, false);
    CHECK(text.find(" up") == std::string::npos);
    CHECK(text.find("unix:/run/blog.sock") < text.rfind("away"));
}
