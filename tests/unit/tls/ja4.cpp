// SPDX-License-Identifier: BSL-1.0
#include "snipass/tls/ja4.hpp"

#include "captured_hello.hpp"
#include "catch.hpp"
#include "hello_reading.hpp"
#include "snipass/tls/constants.hpp"

#include <map>

using namespace snipass;
using namespace snipass::testing;

namespace {

bytes body_of(std::uint16_t type) {
    namespace ext = tls::extension;
    static const std::map<std::uint16_t, bytes> bodies{
        {ext::status_request, {1, 0, 0, 0, 0}}, {ext::ec_point_formats, {1, 0}},
        {ext::compress_certificate, {2, 0, 2}}, {ext::psk_key_exchange_modes, {1, 1}},
        {ext::renegotiation_info, {0}},
    };
    const auto body = bodies.find(type);
    return body != bodies.end() ? body->second : bytes{};
}

std::string ja4_of(const hello_builder& hello) {
    const auto message = hello.message();
    return tls::ja4(tls::parse_client_hello(message).value());
}

// published: a hello with these numbers in this order; the extensions' bodies, which JA4 does not look at,
// are those of a Chromium.
hello_builder published(const std::vector<std::uint16_t>& suites, const std::vector<std::uint16_t>& types,
                        const std::vector<std::uint16_t>& algorithms) {
    auto hello = hello_builder::bare().cipher_suites(suites);
    if (algorithms.empty())
        hello.legacy_version(tls::version::tls10);
    namespace ext = tls::extension;
    for (const auto type : types) {
        switch (type) {
        case ext::server_name:
            hello.server_name("www.example.com");
            break;
        case ext::alpn:
            hello.alpn({"h2", "http/1.1"});
            break;
        case ext::supported_versions:
            hello.supported_versions({0x3a3a, tls::version::tls13, tls::version::tls12});
            break;
        case ext::supported_groups:
            hello.supported_groups({0x001d, 0x0017, 0x0018});
            break;
        case ext::key_share:
            hello.key_shares({{0x001d, 32}});
            break;
        case ext::signature_algorithms:
            hello.signature_algorithms(algorithms);
            break;
        case ext::encrypted_client_hello:
            hello.ech_outer();
            break;
        default:
            hello.extension(type, body_of(type));
        }
    }
    return hello;
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

// What FoxIO's own programs print for the hellos of FoxIO's captures (python/test/testdata in their
// repository): the numbers in the order in which the client sent them (JA4_ro), and the fingerprint.
TEST_CASE("JA4 of published hellos is the published one") {
    struct row {
        const char* capture;
        std::vector<std::uint16_t> cipher_suites, extensions, signature_algorithms;
        const char* ja4;
    };
    const std::vector<std::uint16_t> chromium{0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9,
                                              0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035};
    const auto row = GENERATE_REF(values<struct row>({
        {"browsers-x509.pcapng, stream 0",
         chromium,
         {0x000d, 0x0000, 0x000a, 0x0005, 0x000b, 0x002b, 0x001b, 0xff01, 0x0033, 0x4469, 0x002d, 0x0023,
          0x0017, 0x0012, 0x0010, 0x0015},
         {0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601},
         "t13d1516h2_8daaf6152771_e5627efa2ab1"},
        {"sigalg-grease.pcapng",
         chromium,
         {0xfe0d, 0x0010, 0x0017, 0x0033, 0x44cd, 0xff01, 0x000a, 0x000d, 0x0023, 0x002b, 0x000b, 0xca34,
          0x002d, 0x0000, 0x0005, 0x001b, 0x0012},
         {0x0904, 0x0905, 0x0906, 0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601},
         "t13d1517h2_8daaf6152771_cb7bf5808d99"},
        {"badcurveball.pcap",
         {0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c,
          0x009d, 0x002f, 0x0035, 0x000a},
         {0x0000, 0x0017, 0xff01, 0x000a, 0x000b, 0x0023, 0x0010, 0x0005, 0x000d, 0x0012, 0x0033, 0x002d,
          0x002b, 0x001b, 0x0015},
         {0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601, 0x0201},
         "t13d1615h2_46e7e9700bed_45f260be83e2"},
        {"socks-https-example.pcap, stream 0",
         {0x0039, 0x0038, 0x0035, 0x0016, 0x0013, 0x000a, 0x0033, 0x0032, 0x002f, 0x009a, 0x0099, 0x0096,
          0x0005, 0x0004, 0x0015, 0x0012, 0x0009, 0x0014, 0x0011, 0x0008, 0x0006, 0x0003, 0x00ff},
         {0x0000},
         {},
         "t10d230100_6a57a6f57151_000000000000"},
    }));
    INFO(row.capture);
    CHECK(ja4_of(published(row.cipher_suites, row.extensions, row.signature_algorithms)) == row.ja4);

    // RFC 8701: GREASE counts nowhere, in none of the lists.
    auto suites = row.cipher_suites;
    auto types = row.extensions;
    auto algorithms = row.signature_algorithms;
    suites.insert(suites.begin(), 0x2a2a);
    types.insert(types.begin(), 0xdada);
    if (!algorithms.empty())
        algorithms.insert(algorithms.begin() + 3, 0x7a7a);
    CHECK(ja4_of(published(suites, types, algorithms)) == row.ja4);
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
    // Beside each end of the three ranges.
    for (const std::string alphanumeric : {"0", "9", "A", "Z", "a", "z"})
        CHECK(alpn_part(alphanumeric) == alphanumeric + alphanumeric);
    for (const auto& [other, hexadecimal] : std::map<std::string, std::string>{
             {"/", "2f"}, {":", "3a"}, {"@", "40"}, {"[", "5b"}, {"`", "60"}, {"{", "7b"}})
        CHECK(alpn_part(other) == hexadecimal);
    CHECK(ja4_of(hello_builder::tls12()).substr(8, 2) == "00");
}

TEST_CASE("JA4 without extensions, or with only those that are not hashed, has zeroes") {
    CHECK(ja4_of(hello_builder::bare()).substr(24) == "000000000000");
    CHECK(ja4_of(hello_builder::bare().server_name("a").alpn({"h2"})).substr(24) == "000000000000");
    CHECK(ja4_of(hello_builder::bare().cipher_suites({0x0a0a})).substr(11, 12) == "000000000000");
}
