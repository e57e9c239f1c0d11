// SPDX-License-Identifier: BSL-1.0
#include "snipass/operating/text_table.hpp"

#include "catch.hpp"

using namespace snipass::server;

TEST_CASE("text_table: columns are as wide as their widest cell, and numbers stand to the right") {
    text_table table{{"NAME", ">COUNT", "WHY"}, false};
    table.row({"a", std::uint64_t{12'345'678}, "x"});
    table.row({"longer", std::uint64_t{1}, ""});
    table.row({"b"});
    CHECK(table.to_string() == "NAME       COUNT  WHY\n"
                               "a       12345678  x\n"
                               "longer         1\n"
                               "b\n");
}

TEST_CASE("text_table: colours take no room") {
    text_table table{{"A", "B"}, true};
    table.row({{"up", colour::good}, "x"});
    table.row({{"away", colour::bad}, "y"});
    CHECK(table.to_string() == "\x1b[2mA\x1b[0m     \x1b[2mB\x1b[0m\n"
                               "\x1b[32mup\x1b[0m    x\n"
                               "\x1b[31maway\x1b[0m  y\n");
}

TEST_CASE("text_table: bytes and time as people read them") {
    CHECK(in_bytes(0) == "0 B");
    CHECK(in_bytes(1'023) == "1023 B");
    CHECK(in_bytes(1'024) == "1.0 KiB");
    CHECK(in_bytes(1'536'000) == "1.4 MiB");
    CHECK(in_bytes(std::uint64_t{3} << 60U) == "3072.0 PiB");
    CHECK(in_time(0) == "0s");
    CHECK(in_time(59) == "59s");
    CHECK(in_time(60) == "1m");
    CHECK(in_time(3'661) == "1h 1m");
    CHECK(in_time(90'000) == "1d 1h");
    CHECK(in_time(86'460) == "1d");
}
