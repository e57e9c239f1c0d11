// SPDX-License-Identifier: BSL-1.0
// snipass-run's command line: addresses and ports. (What it says about the rest is in tests/e2e/backends.)
#include "catch.hpp"

#include <string>

extern "C" {
#include "../../../src/run/options.h"
}

TEST_CASE("snipass-run: an address is one that the library reads") {
    struct row {
        const char* text;
        const char* address; // "": none
    };
    const auto [text, address] = GENERATE(
        row{"443", "*:443"}, row{"*:443", "*:443"}, row{"127.0.0.1:1", "127.0.0.1:1"},
        row{"[::1]:65535", "[::1]:65535"}, row{"[::ffff:192.0.2.1]:443", "[::ffff:192.0.2.1]:443"},
        row{"", ""}, row{":", ""}, row{":443", ""}, row{"*", ""}, row{"*:", ""}, row{"*:0", ""}, row{"0", ""},
        row{"65536", ""}, row{"4294967739", ""}, row{"-1", ""}, row{"+443", ""}, row{" 443", ""},
        row{"443 ", ""}, row{"1.2.3:443", ""}, row{"01.2.3.4:443", ""}, row{"::1", ""}, row{"::1:443", ""},
        row{"[::1]", ""}, row{"[::1]443", ""}, row{"[]:443", ""}, row{"[:443", ""}, row{"]:443", ""},
        row{"[1.2.3.4]:443", ""}, row{"[::1%lo]:443", ""}, row{"localhost:443", ""}, row{"a=/b:443", ""});
    INFO(text);
    char read[max_entry];
    const char* wrong = options_check_address(text, read, sizeof read);
    CHECK((wrong == nullptr) == (*address != '\0'));
    if (wrong == nullptr)
        CHECK(std::string(read) == address);
}

TEST_CASE("snipass-run: an address that has no room is refused") {
    char read[12];
    CHECK(options_check_address("127.0.0.1:1", read, sizeof read) == nullptr);
    CHECK(options_check_address("127.0.0.1:12", read, sizeof read) != nullptr);
}

TEST_CASE("snipass-run: ports are numbers, separated by commas") {
    struct row {
        const char* text;
        std::size_t count; // 0: refused
    };
    const auto [text, count] =
        GENERATE(row{"0", 1}, row{"80", 1}, row{"80,8080", 2}, row{"65535", 1}, row{"65536", 0}, row{"", 0},
                 row{",", 0}, row{"80,", 0}, row{",80", 0}, row{"80,,81", 0}, row{"80 81", 0}, row{"-1", 0},
                 row{"http", 0}, row{"80x", 0}, row{"99999999999999999999", 0});
    INFO(text);
    ports read{};
    CHECK(confine_read_ports(text, &read) == (count != 0));
    if (count != 0)
        CHECK(read.count == count);
    CHECK(read.numbers[0] <= 65535);
}

TEST_CASE("snipass-run: there are 64 ports at most, over all lists") {
    ports read{};
    for (int i = 0; i < 64; ++i)
        REQUIRE(confine_read_ports("1", &read));
    CHECK_FALSE(confine_read_ports("1", &read));
    CHECK(read.count == 64);
}
