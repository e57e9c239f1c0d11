// SPDX-License-Identifier: BSL-1.0
#include "snipass/opening/balancer_reader.hpp"
#include "snipass/opening/head_reader.hpp"
#include "snipass/opening/hello_reader.hpp"

#include "catch.hpp"
#include "head_reading.hpp"
#include "hello_reading.hpp"
#include "snipass/tls/constants.hpp"

#include <string>

using namespace snipass;
using namespace snipass::testing;
using namespace std::string_literals;

namespace {

hello_builder example() {
    return hello_builder::tls13().server_name("www.example.com");
}

// The answer to a stream that comes a byte at a time, after which nothing is asked of the reader any more.
opening::answer read_in_pieces(opening::reader& reader, byte_view stream, std::size_t piece,
                               std::vector<std::uint8_t>& scratch) {
    for (std::size_t size = 0;; size = std::min(size + piece, stream.size())) {
        auto answer = reader.read(stream.first(size), scratch);
        const auto* const more = std::get_if<opening::need>(&answer);
        if (more == nullptr || size == stream.size())
            return answer;
        CHECK(more->bytes > size);
    }
}

opening::refused refusal_of(byte_view stream) {
    opening::hello_reader reader{default_hello_max};
    std::vector<std::uint8_t> scratch;
    return std::get<opening::refused>(reader.read(stream, scratch));
}

} // namespace

TEST_CASE("a hello reader answers what a hello asks for, however it comes") {
    const auto hello = example().alpn({"h2", "http/1.1"});
    for (const auto& stream : {hello.stream(), hello.stream(7)}) {
        for (const std::size_t piece : {std::size_t{1}, std::size_t{100}, stream.size()}) {
            opening::hello_reader reader{default_hello_max};
            std::vector<std::uint8_t> scratch;
            const auto whole = joined({stream, record(bytes(100), 23)});
            const auto answer = read_in_pieces(reader, whole, piece, scratch);
            const auto* const question = std::get_if<opening::question>(&answer);
            REQUIRE(question != nullptr);
            CHECK(question->size == stream.size());
            CHECK(question->name == "www.example.com");
            CHECK(question->alpn.contains("http/1.1"));
            REQUIRE(question->hello() != nullptr);
            CHECK(question->hello()->server_name == question->name);
        }
    }
}

TEST_CASE("a hello reader refuses for a reason of its own, with the alert of a TLS server") {
    const auto noise = refusal_of(as_bytes("GET / HTTP/1.1"));
    CHECK(noise.as == opening::refusal::not_tls);
    CHECK(noise.why == "no TLS record (RFC 8446 section 5.1)");

    const auto record = refusal_of(bytes{0x16, 3, 1, 0x41});
    CHECK(record.as == opening::refusal::malformed);
    CHECK(record.alert == tls::alert::record_overflow);

    const auto message = refusal_of(example().extension(tls::extension::server_name, bytes{}).stream());
    CHECK(message.as == opening::refusal::malformed);
    CHECK_FALSE(message.why.empty());
}

TEST_CASE("a hello reader knows a PROXY header when it sees a whole signature") {
    for (const auto& header :
         {"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n"s, "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"s}) {
        CHECK(refusal_of(as_bytes(header)).as == opening::refusal::proxy_header);
        CHECK(refusal_of(as_bytes(header.substr(0, 5))).as == opening::refusal::not_tls);
    }
}

TEST_CASE("a balancer reader takes one header, says nothing, and is done") {
    const auto header = "PROXY TCP4 192.0.2.1 198.51.100.2 12345 443\r\n"s;
    for (const std::size_t piece : {std::size_t{1}, header.size()}) {
        opening::balancer_reader reader;
        std::vector<std::uint8_t> scratch;
        const auto answer = read_in_pieces(reader, as_bytes(header + "hello"), piece, scratch);
        const auto* const step = std::get_if<opening::step>(&answer);
        REQUIRE(step != nullptr);
        CHECK(step->consume == header.size());
        CHECK(step->say.empty());
        CHECK(step->is_last);
        REQUIRE(step->about);
        CHECK(step->about->source.to_string() == "192.0.2.1:12345");
        CHECK(step->about->destination.to_string() == "198.51.100.2:443");
    }
}

TEST_CASE("a balancer reader refuses what is no header, and says what it was") {
    opening::balancer_reader reader;
    std::vector<std::uint8_t> scratch;
    const auto answer = reader.read(as_bytes("SSH-2.0"), scratch);
    REQUIRE(std::holds_alternative<opening::refused>(answer));
    CHECK(std::get<opening::refused>(answer).as == opening::refusal::balancer);
    CHECK(std::get<opening::refused>(answer).why == "no PROXY header: it begins with \"SSH-2.0\"");
}

TEST_CASE("a head reader answers what a request asks for, however it comes") {
    const auto head = "GET /a/../b HTTP/1.1\r\nHost: www.example.com:80\r\n\r\n"s;
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, head.size() + 4}) {
        opening::head_reader reader{default_head_max};
        std::vector<std::uint8_t> scratch;
        const auto stream = head + "body";
        const auto answer = read_in_pieces(reader, as_bytes(stream), piece, scratch);
        const auto* const question = std::get_if<opening::question>(&answer);
        REQUIRE(question != nullptr);
        CHECK(question->size == head.size());
        CHECK(question->name == "www.example.com");
        CHECK(question->hello() == nullptr);
        REQUIRE(question->head() != nullptr);
        CHECK(question->head()->path == "/b");
    }
}

TEST_CASE("a head reader that waits says how much it could use") {
    opening::head_reader reader{default_head_max};
    std::vector<std::uint8_t> scratch;
    const auto answer = reader.read(as_bytes("GET / HTTP/1.1\r\nHost: www"), scratch);
    const auto* const more = std::get_if<opening::need>(&answer);
    REQUIRE(more != nullptr);
    CHECK(more->bytes == 29);
    CHECK(more->at_most == default_head_max);
}

TEST_CASE("a request without a host has no name") {
    for (const auto& head : {"GET / HTTP/1.0\r\n\r\n"s, "GET / HTTP/1.1\r\nHost:\r\n\r\n"s}) {
        opening::head_reader reader{default_head_max};
        std::vector<std::uint8_t> scratch;
        CHECK_FALSE(std::get<opening::question>(reader.read(as_bytes(head), scratch)).name);
    }
}

TEST_CASE("a head reader tells other protocols from bad requests, with the status of an HTTP server") {
    const struct {
        std::string stream;
        opening::refusal as;
        unsigned status;
    } rows[] = {
        {"\x01", opening::refusal::not_http, 400},
        {"\x16\x03\x01", opening::refusal::tls_for_http, 400},
        {"PRI * HTTP/2.0\r\n\r\n", opening::refusal::http2, 505},
        {"SSH-2.0-OpenSSH_9.2\r\n", opening::refusal::malformed, 400},
        {"GET / HTTP/1.1\r\n\r\n", opening::refusal::malformed, 400},
        {"GET / HTTP/1.1\r\nX: " + std::string(default_head_max, 'x'), opening::refusal::malformed, 431},
        {"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", opening::refusal::proxy_header, 400},
        {"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"s, opening::refusal::proxy_header, 400},
    };
    for (const auto& row : rows) {
        CAPTURE(row.stream.substr(0, 40));
        opening::head_reader reader{default_head_max};
        std::vector<std::uint8_t> scratch;
        const auto answer = reader.read(as_bytes(row.stream), scratch);
        const auto* const refused = std::get_if<opening::refused>(&answer);
        REQUIRE(refused != nullptr);
        CHECK(refused->as == row.as);
        CHECK(refused->status == row.status);
        CHECK_FALSE(refused->why.empty());
    }
}
