// SPDX-License-Identifier: BSL-1.0
#include "snipass/net/probe.hpp"

#include "catch.hpp"
#include "snipass/tls/client_hello.hpp"
#include "snipass/tls/client_hello_assembler.hpp"

#include <vector>

TEST_CASE("probe: its hello is one that a TLS server accepts") {
    using namespace snipass;
    for (const std::string name : {"", "a.example.com"}) {
        const auto bytes = net::make_probe_hello(name);
        tls::client_hello_assembler assembler{65'536};
        const auto needed = assembler.advance(bytes);
        REQUIRE(needed.has_value());
        CHECK(*needed <= bytes.size());
        std::vector<std::uint8_t> gathered;
        const auto hello = tls::parse_client_hello(assembler.message(bytes, gathered));
        REQUIRE(hello.has_value());
        CHECK(hello->server_name.has_value() == !name.empty());
        if (hello->server_name)
            CHECK(*hello->server_name == name);
    }
}
