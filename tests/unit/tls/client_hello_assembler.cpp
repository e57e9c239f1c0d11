// SPDX-License-Identifier: BSL-1.0
#include "snipass/tls/client_hello_assembler.hpp"

#include "catch.hpp"
#include "hello_reading.hpp"
#include "snipass/tls/constants.hpp"
#include "snipass/tls/hello_error.hpp"

using namespace snipass;
using namespace snipass::testing;
using tls::hello_error;

namespace {

hello_builder example() {
    return hello_builder::tls13().server_name("www.example.com");
}

// check: the stream is refused for this reason when `at` bytes of it have come, and waited for with one less.
void check_refused(const bytes& stream, hello_error error, std::size_t at,
                   std::size_t hello_max = default_hello_max) {
    CAPTURE(stream.size(), at);
    REQUIRE(at <= stream.size());
    CHECK(read_hello(byte_view{stream}.first(at), {}, hello_max).error == error);
    CHECK(read_hello(byte_view{stream}.first(at - 1), {}, hello_max).waits());
    CHECK(read_hello(stream, every_byte(stream.size()), hello_max).error == error);
    CHECK(read_hello(stream, {}, hello_max).error == error);
}

std::size_t needed(const bytes& stream, std::size_t size) {
    tls::client_hello_assembler assembler{default_hello_max};
    return assembler.advance(byte_view{stream}.first(size)).value();
}

} // namespace

TEST_CASE("a hello in one record is found whole, and its message lies in the stream") {
    const auto stream = example().stream();
    tls::client_hello_assembler assembler{default_hello_max};
    REQUIRE(assembler.advance(stream).value() == stream.size());
    CHECK(assembler.stream_size() == stream.size());
    std::vector<std::uint8_t> scratch;
    const auto message = assembler.message(stream, scratch);
    CHECK(message.data() == stream.data() + 5);
    CHECK(message.size() == stream.size() - 5);
    CHECK(scratch.empty());
}

TEST_CASE("a hello in records of any size is the same message") {
    const auto hello = example();
    for (std::size_t fragment = 1; fragment <= hello.message().size(); ++fragment) {
        CAPTURE(fragment);
        const auto stream = hello.stream(fragment);
        const auto reading = read_hello(stream);
        REQUIRE(reading.hello);
        CHECK(reading.message == hello.message());
        CHECK(reading.name() == "www.example.com");
        CHECK(reading.size == stream.size());
        CHECK(differing_split(stream, true) == "");
    }
}

TEST_CASE("what follows the hello in further records is left alone") {
    const auto hello = example().stream(50);
    const auto early_data = joined({hello, record(bytes(1'000, 0xaa), 23, 0x0303)});
    CHECK(read_hello(early_data).size == hello.size());
    CHECK(read_hello(early_data).hello);
    CHECK(differing_split(early_data, true) == "");
    const auto change_cipher_spec = joined({hello, record(bytes{1}, 20)});
    CHECK(read_hello(change_cipher_spec).size == hello.size());
    const auto garbage = joined({hello, bytes{0, 0, 0, 0, 0, 0}});
    CHECK(read_hello(garbage).size == hello.size());
}

TEST_CASE("bytes that are no TLS are known by the first byte that tells") {
    for (const std::string text : {"GET / HTTP/1.1\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n", "\n",
                                   "\x80\x2e\x01\x03\x01", "\x18\x03\x03", "\x13\x03\x03"}) {
        CAPTURE(text);
        const auto data = as_bytes(text);
        check_refused(bytes{data.begin(), data.end()}, hello_error::not_tls, 1);
    }
    check_refused({0, 0, 0}, hello_error::not_tls, 1);
    check_refused({0x16, 0x02, 0x00}, hello_error::not_tls, 2);
    check_refused({0x16, 0x04}, hello_error::not_tls, 2);
    check_refused({0x15, 'x'}, hello_error::not_tls, 2);
}

TEST_CASE("TLS records of another type are TLS and no ClientHello") {
    for (const auto type : bytes{20, 21, 23})
        check_refused(record(bytes{2, 40}, type), hello_error::record_type, 2);
}

TEST_CASE("a record that breaks the record layer is refused at the byte that shows it") {
    const auto start = in_records(byte_view{example().message()}.first(60), 60);
    check_refused({0x16, 3, 1, 0, 0}, hello_error::record_empty, 5);
    check_refused(joined({start, bytes{0x16, 3, 1, 0, 0}}), hello_error::record_empty, start.size() + 5);
    check_refused(joined({record(bytes{1, 0}), bytes{0x16, 3, 1, 0, 0}}), hello_error::record_empty, 12);
    check_refused({0x16, 3, 1, 0x41}, hello_error::record_too_long, 4);
    check_refused({0x16, 3, 1, 0xff, 0xff}, hello_error::record_too_long, 4);
    check_refused({0x16, 3, 1, 0x40, 0x01}, hello_error::record_too_long, 5);
    for (const auto type : bytes{0, 20, 21, 23, 24, 255})
        check_refused(joined({start, record(bytes{1}, type)}), hello_error::record_type, start.size() + 1);
    check_refused(joined({start, record(bytes{1}, 22, 0x0201)}), hello_error::record_version,
                  start.size() + 2);
    check_refused(joined({start, record(bytes{1}, 22, 0x0401)}), hello_error::record_version,
                  start.size() + 2);
}

TEST_CASE("a record of 16384 bytes is legal and one of 16385 is not") {
    auto hello = example().message_size(16'384);
    CHECK(read_hello(hello.stream()).name() == "www.example.com");
    hello.message_size(16'388);
    CHECK(read_hello(hello.stream()).name() == "www.example.com");
    check_refused(record(hello.message()), hello_error::record_too_long, 5);
}

TEST_CASE("the minor version of a record says nothing") {
    const auto message = example().message();
    for (const auto version : std::vector<std::uint16_t>{0x0300, 0x0301, 0x0303, 0x0304, 0x03ff})
        CHECK(read_hello(record(message, 22, version)).hello);
}

TEST_CASE("a handshake message that can be no ClientHello is refused at the byte that shows it") {
    check_refused(record(bytes{2, 0, 0, 50}), hello_error::handshake_type, 6);
    check_refused(record(bytes{0}), hello_error::handshake_type, 6);
    check_refused(record(bytes{1, 0, 0, 40, 0}), hello_error::message_too_short, 9);
    check_refused(record(bytes{1, 0, 0, 0}), hello_error::message_too_short, 9);
    check_refused(record(bytes{1, 1, 0, 0}), hello_error::message_too_long, 7);
    check_refused(record(bytes{1, 0xff}), hello_error::message_too_long, 7);
    check_refused(record(bytes{1, 0, 0xff, 0xfd}), hello_error::message_too_long, 9);
    check_refused(in_records(bytes{1, 0, 0xff, 0xfd}, 1), hello_error::message_too_long, 24);
}

TEST_CASE("a hello of hello_max bytes is accepted and one more is refused") {
    for (const std::size_t limit : {200U, 4'096U, 65'536U}) {
        auto hello = example();
        if (limit > 200)
            hello.message_size(limit);
        const auto size = hello.message().size();
        CHECK(read_hello(hello.stream(), {}, size).hello);
        check_refused(hello.stream(), hello_error::message_too_long, 9, size - 1);
    }
}

TEST_CASE("bytes behind the hello in its last record are refused before they come") {
    const auto message = example().message();
    check_refused(record(joined({message, bytes{0}})), hello_error::data_behind_hello, 9);
    check_refused(record(joined({message, message})), hello_error::data_behind_hello, 9);
    const auto head = byte_view{message}.first(60);
    const auto tail = joined({bytes{message.begin() + 60, message.end()}, bytes{0}});
    check_refused(joined({record(head), record(tail)}), hello_error::data_behind_hello, 60 + 5 + 5);
}

TEST_CASE("advance asks for the end of the next header until the message's size is known") {
    const auto stream = example().stream();
    CHECK(needed(stream, 0) == 1);
    CHECK(needed(stream, 1) == 2);
    CHECK(needed(stream, 2) == 5);
    CHECK(needed(stream, 4) == 5);
    CHECK(needed(stream, 5) == 9);
    CHECK(needed(stream, 8) == 9);
    CHECK(needed(stream, 9) == stream.size());
    CHECK(needed(stream, stream.size() - 1) == stream.size());
    CHECK(needed(stream, stream.size()) == stream.size());
    const auto tiny = example().stream(3);
    CHECK(needed(tiny, 5) == 8);
    CHECK(needed(tiny, 8) == 13);
    CHECK(needed(tiny, 13) == 14);
}

TEST_CASE("advance counts the record headers that must still come") {
    const auto hello = example().message_size(40'000);
    const auto stream = hello.stream();
    REQUIRE(stream.size() == 40'000 + 3 * 5);
    CHECK(needed(stream, 9) == stream.size());
    CHECK(needed(stream, 20'000) == stream.size());
    CHECK(needed(stream, 5 + 16'384 + 2) == stream.size()); // in the middle of the second header
    const auto small = hello.stream(100); // announces nothing of how small the records behind are
    CHECK(needed(small, 9) == 105 + 39'900 + 3 * 5);
}

TEST_CASE("a hello read as needed takes few calls, also from records of one byte") {
    CHECK(read_as_needed(example().stream()).calls == 6);
    const auto message = example().message_size(65'536).message();
    const auto tiny = in_records(message, 1);
    const auto reading = read_as_needed(tiny);
    REQUIRE(reading.hello);
    CHECK(reading.broken_promise == "");
    CHECK(reading.calls == 65);
    CHECK(reading.offered == 19'269'388); // 49 times the stream
    const auto usual = read_as_needed(in_records(message, 16'384));
    CHECK(usual.calls == 6);
    for (const std::size_t size : {1'000U, 1'001U, 1'400U, 2'000U, 4'096U, 8'192U, 16'383U})
        CHECK(read_as_needed(in_records(message, size)).calls <= 7);
    CHECK(usual.offered == 65'573); // the stream, and its first headers again
}

TEST_CASE("each byte is looked at once at most, however the bytes trickle in") {
    const auto message = example().message_size(65'536).message();
    const auto tiny = in_records(message, 1);
    const auto ends = every_byte(tiny.size());
    CHECK(read_hello(tiny, ends).examined == 65'536 * 5 + 4);
    CHECK(read_hello(tiny).examined == 65'536 * 5 + 4);
    const auto whole = in_records(message, 16'384);
    CHECK(read_hello(whole, every_byte(whole.size())).examined == 4 * 5 + 4);
}

TEST_CASE("an answer does not change when advance is asked again") {
    const auto stream = example().stream(30);
    tls::client_hello_assembler assembler{default_hello_max};
    REQUIRE(assembler.advance(stream).value() == stream.size());
    CHECK(assembler.advance(joined({stream, bytes(20, 0)})).value() == stream.size());

    tls::client_hello_assembler refusing{default_hello_max};
    const bytes bad{0x16, 3, 1, 0, 0};
    CHECK(refusing.advance(bad).error() == hello_error::record_empty);
    CHECK(refusing.advance(joined({bad, stream})).error() == hello_error::record_empty);
}

TEST_CASE("a waiting client costs forty bytes") {
    CHECK(sizeof(tls::client_hello_assembler) <= 40);
}

TEST_CASE("scratch that was used before is emptied") {
    const auto stream = example().stream(30);
    tls::client_hello_assembler assembler{default_hello_max};
    REQUIRE(assembler.advance(stream).value() == stream.size());
    std::vector<std::uint8_t> scratch(500, 0xee);
    const auto message = assembler.message(stream, scratch);
    CHECK(bytes{message.begin(), message.end()} == example().message());
}
