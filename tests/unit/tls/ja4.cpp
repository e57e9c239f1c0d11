#include "snipass/tls/ja4.hpp"

#include "captured_hello.hpp"
#include "catch.hpp"
#include "hello_reading.hpp"
#include "snipass/tls/constants.hpp"

using namespace snipass;
using namespace snipass::testing;

namespace {

std::string ja4_of(const hello_builder& hello) {
    const auto message = hello.message();
    return tls::ja4(tls::parse_client_hello(message).value());
}

std::string alpn_part(const std::string& protocol) {
    return ja4_of(hello_builder::tls12().alpn({protocol})).substr(8, 2);
}

} // namespace

TEST_CASE("JA4 of each captured hello is its annotation") {
    for (const auto& captured : load_captured_hellos(SNIPASS_SOURCE_DIR "/tests/data/hellos")) {
        CAPTURE(captured.file);
        const auto reading = read_hello(captured.stream);
        REQUIRE(reading.hello);
        CHECK(tls::ja4(*reading.hello) == captured.notes.at("ja4"));
    }
}

TEST_CASE("JA4 of the example in its specification") {
    hello_builder hello = hello_builder::bare();
    hello.cipher_suites({0x0a0a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8,
                         0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035});
    hello.grease(0x1a1a).extension(0x001b, bytes{2, 0, 2}).server_name("example.com");
    hello.supported_groups({0x001d}).key_shares({{0x001d, 32}}).alpn({"h2"}).extension(0x4469, bytes{});
    hello.extension(0x0017, bytes{}).extension(0x002d, bytes{1, 1});
    hello.signature_algorithms({0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601});
    hello.extension(0x0005, bytes{1, 0, 0, 0, 0}).extension(0x0023, bytes{}).extension(0x0012, bytes{});
    hello.supported_versions({0x0a0a, 0x0304, 0x0303}).extension(0xff01, bytes{0});
    hello.extension(0x000b, bytes{1, 0}).padding(10);
    CHECK(ja4_of(hello) == "t13d1516h2_8daaf6152771_e5627efa2ab1");
}

TEST_CASE("JA4 shows the highest version, whatever the order and GREASE") {
    CHECK(ja4_of(hello_builder::tls13().supported_versions({0x0303, 0x0304, 0x1a1a})).substr(0, 3) == "t13");
    CHECK(ja4_of(hello_builder::tls12().legacy_version(0x0302)).substr(0, 3) == "t11");
    CHECK(ja4_of(hello_builder::tls12().legacy_version(0x0301)).substr(0, 3) == "t10");
    CHECK(ja4_of(hello_builder::tls12().legacy_version(0x0305)).substr(0, 3) == "t00");
    CHECK(ja4_of(hello_builder::tls12().supported_versions({0x0302, 0x0301})).substr(0, 3) == "t11");
    CHECK(ja4_of(hello_builder::tls12().supported_versions({0x0300, 0x0303})).substr(0, 3) == "t12");
}

TEST_CASE("JA4 counts to 99") {
    std::vector<std::uint16_t> suites(120, 0xc02f);
    CHECK(ja4_of(hello_builder::bare().cipher_suites(suites)).substr(4, 2) == "99");
}

TEST_CASE("JA4 takes ALPN by its first and last character, or its hexadecimal form") {
    CHECK(alpn_part("h2") == "h2");
    CHECK(alpn_part("http/1.1") == "h1");
    CHECK(alpn_part("x") == "xx");
    CHECK(alpn_part("Az") == "Az");
    CHECK(alpn_part("\xab") == "ab");
    CHECK(alpn_part("\xab\xcd") == "ad");
    CHECK(alpn_part("0\xab") == "3b");
    CHECK(alpn_part("01\xab\xcd") == "3d");
    CHECK(alpn_part("0\xab\xcd"
                    "1") == "01");
    CHECK(alpn_part("-a") == "21");
    CHECK(ja4_of(hello_builder::tls12()).substr(8, 2) == "00");
}

TEST_CASE("JA4 without extensions, or with only those that are not hashed, has zeroes") {
    CHECK(ja4_of(hello_builder::bare()).substr(24) == "000000000000");
    CHECK(ja4_of(hello_builder::bare().server_name("a").alpn({"h2"})).substr(24) == "000000000000");
    CHECK(ja4_of(hello_builder::bare().cipher_suites({0x0a0a})).substr(11, 12) == "000000000000");
}
