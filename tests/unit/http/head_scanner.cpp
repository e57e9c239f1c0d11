// SPDX-License-Identifier: BSL-1.0
#include "snipass/http/head_scanner.hpp"

#include "catch.hpp"
#include "head_reading.hpp"
#include "hello_reading.hpp"

#include <string>

using namespace snipass;
using namespace snipass::testing;
using http::head_error;

namespace {

std::string head_of(std::size_t size) {
    const std::string begin = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
    const std::string end = "\r\n\r\n";
    return begin + std::string(size - begin.size() - end.size(), 'x') + end;
}

std::size_t needed(std::string_view stream) {
    http::head_scanner scanner{default_head_max};
    return scanner.advance(as_bytes(stream)).value();
}

} // namespace

TEST_CASE("a head may have head_max bytes and no more, whatever follows it") {
    for (const std::size_t max : {std::size_t{100}, default_head_max}) {
        CAPTURE(max);
        const auto largest = head_of(max);
        CHECK(read_head(largest, {}, max).head);
        CHECK(read_head(largest + "and a body", {}, max).head);
        CHECK(read_head(head_of(max + 1), {}, max).error == head_error::head_too_long);
    }
}

TEST_CASE("a head that cannot end in time is refused before it has come") {
    const auto largest = head_of(101);
    // Three of its bytes are missing, and two have room.
    CHECK(read_head(largest.substr(0, 98), {}, 100).error == head_error::head_too_long);
    CHECK(read_head(largest.substr(0, 96), {}, 100).waits());
}

TEST_CASE("of the first bytes each is asked for, then the fewest that can end the head") {
    CHECK(needed("") == 1);
    CHECK(needed("GET / HTTP/1.1\r\nHost: a") == 24);
    CHECK(needed("GET / HTTP/1.1\r\nHost: ab") == 28);
    CHECK(needed("GET / HTTP/1.1\r\nHost: ab\r") == 28);
    CHECK(needed("GET / HTTP/1.1\r\nHost: ab\r\n") == 28);
    CHECK(needed("GET / HTTP/1.1\r\nHost: ab\r\nX") == 32);
    CHECK(needed("GET /a/path/of/some/length") == 26 + 13);
}

TEST_CASE("each byte is looked at once, however they come") {
    const auto head = head_of(default_head_max);
    const auto bytewise = read_head(as_bytes(head), every_byte(head.size()));
    CHECK(bytewise.head);
    CHECK(bytewise.examined == head.size());
}

TEST_CASE("a byte that no value has is found wherever it is") {
    for (unsigned byte = 0; byte < 256; ++byte) {
        for (std::size_t at = 0; at < 24; ++at) {
            std::string value(24, 'x');
            value[at] = static_cast<char>(byte);
            const auto reading = read_head("GET / HTTP/1.1\r\nHost: a\r\nX:" + value + "\r\n\r\n");
            CAPTURE(byte, at);
            const bool is_allowed = byte == '\t' || (byte >= 0x20 && byte != 0x7f);
            const auto why = byte == '\r'   ? head_error::bare_cr
                             : byte == '\n' ? head_error::bare_lf
                                            : head_error::field_value;
            REQUIRE(reading.head.has_value() == is_allowed);
            if (!is_allowed)
                REQUIRE(reading.error == why);
        }
    }
}

TEST_CASE("what the peeks of the slowest client copy is bounded") {
    const auto head = head_of(default_head_max);
    const auto slowest = read_head_as_needed(as_bytes(head));
    CHECK(slowest.head);
    CHECK(slowest.calls == 8'212);
    CHECK(slowest.offered < 136'000'000);
}

TEST_CASE("after an error the same error comes again") {
    http::head_scanner scanner{default_head_max};
    const std::string stream = "GET / HTTP/1.1\r\nA B: c\r\n\r\n";
    for (const std::size_t size : {std::size_t{18}, std::size_t{19}, stream.size()})
        CHECK(scanner.advance(as_bytes(stream).first(size)).error() == head_error::space_before_colon);
}

TEST_CASE("a scanner that waits is small") {
    STATIC_REQUIRE(sizeof(http::head_scanner) <= 24);
}
