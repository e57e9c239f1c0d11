// SPDX-License-Identifier: BSL-1.0
// What real clients send is read as their annotation says.
#include "captured_hello.hpp"

#include "catch.hpp"
#include "hello_reading.hpp"
#include "snipass/tls/byte_reader.hpp"

#include <cstdio>

using namespace snipass;
using namespace snipass::testing;

namespace {

const std::vector<captured_hello>& captured_hellos() {
    static const auto all = load_captured_hellos(SNIPASS_SOURCE_DIR "/tests/data/hellos");
    return all;
}

std::string joined_by_comma(const std::vector<std::string>& words) {
    std::string text;
    for (const auto& word : words)
        text += (text.empty() ? "" : ",") + word;
    return text.empty() ? "none" : text;
}

std::string hexadecimal(std::uint16_t number) {
    char text[8];
    std::snprintf(text, sizeof text, "0x%04x", static_cast<unsigned>(number));
    return text;
}

std::string numbers(byte_view list) {
    std::vector<std::string> words;
    for (tls::byte_reader in{list}; const auto number = in.u16();)
        words.push_back(hexadecimal(*number));
    return joined_by_comma(words);
}

std::string protocols(alpn_list list) {
    std::vector<std::string> words;
    for (; !list.empty(); list.pop_front())
        words.emplace_back(list.front());
    return joined_by_comma(words);
}

std::string share_groups(byte_view shares) {
    std::vector<std::string> words;
    for (tls::byte_reader in{shares}; const auto group = in.u16(); (void)in.prefixed_u16())
        words.push_back(hexadecimal(*group));
    return joined_by_comma(words);
}

void check_annotation(const captured_hello& captured, const tls::client_hello& hello) {
    const auto& notes = captured.notes;
    CHECK(std::string{hello.server_name.value_or("none")} == notes.at("server_name"));
    CHECK(protocols(hello.alpn) == notes.at("alpn"));
    CHECK(numbers(hello.supported_versions) == notes.at("supported_versions"));
    CHECK(numbers(hello.supported_groups) == notes.at("groups"));
    CHECK(share_groups(hello.key_shares) == notes.at("key_shares"));
    CHECK((hello.ech == tls::ech_kind::none ? "none" : "outer") == notes.at("ech"));
}

} // namespace

TEST_CASE("hellos of many clients were captured") {
    CHECK(captured_hellos().size() >= 30);
}

TEST_CASE("each captured hello is read as its annotation says") {
    for (const auto& captured : captured_hellos()) {
        CAPTURE(captured.file);
        const auto reading = read_hello(captured.stream);
        INFO(reading.error.message());
        REQUIRE(reading.hello);
        check_annotation(captured, *reading.hello);
    }
}

TEST_CASE("each captured hello is read the same byte by byte, at every split, and in records of any size") {
    for (const auto& captured : captured_hellos()) {
        CAPTURE(captured.file);
        CHECK(differing_split(captured.stream, true) == "");
        const auto whole = read_hello(captured.stream);
        for (const std::size_t fragment : {1U, 2U, 3U, 100U})
            CHECK(read_hello(in_records(whole.message, fragment)).name() == whole.name());
    }
}
