// SPDX-License-Identifier: BSL-1.0
#include "snipass/tls/describe.hpp"

#include "captured_hello.hpp"
#include "catch.hpp"
#include "hello_reading.hpp"
#include "snipass/tls/constants.hpp"
#include "snipass/tls/names.hpp"

#include <fstream>
#include <map>
#include <sstream>

using namespace snipass;
using namespace snipass::testing;

namespace {

std::map<std::string, std::string> described(const hello_builder& hello) {
    const auto message = hello.message();
    std::map<std::string, std::string> fields;
    for (const auto& [label, value] : tls::describe(tls::parse_client_hello(message).value()))
        fields.emplace(label, value);
    return fields;
}

} // namespace

TEST_CASE("each field of a hello is described by its names") {
    const auto fields = described(hello_builder::tls13()
                                      .server_name("www.example.com")
                                      .alpn({"h2", "http/1.1"})
                                      .supported_versions({0x2a2a, 0x0304, 0x0303})
                                      .supported_groups({0x11ec, 0x001d})
                                      .key_shares({{0x11ec, 1'216}, {0x001d, 32}})
                                      .session_id(32)
                                      .ech_outer()
                                      .grease(0x3a3a)
                                      .extension(0x1234, bytes{1}));
    CHECK(fields.at("legacy version") == "TLS 1.2");
    CHECK(fields.at("session ID") == "32 bytes");
    CHECK(fields.at("server_name") == "\"www.example.com\"");
    CHECK(fields.at("ALPN") == "\"h2\", \"http/1.1\"");
    CHECK(fields.at("versions") == "GREASE 0x2a2a, TLS 1.3, TLS 1.2");
    CHECK(fields.at("groups") == "X25519MLKEM768, x25519");
    CHECK(fields.at("key shares") == "X25519MLKEM768 (1216 bytes), x25519 (32 bytes)");
    CHECK(fields.at("signature algorithms") ==
          "ecdsa_secp256r1_sha256, rsa_pss_rsae_sha256, rsa_pkcs1_sha256");
    CHECK(fields.at("cipher suites").starts_with("TLS_AES_128_GCM_SHA256, "));
    CHECK(fields.at("extensions").starts_with("extended_master_secret, renegotiation_info, "));
    CHECK(fields.at("extensions").ends_with("encrypted_client_hello, GREASE 0x3a3a, 0x1234"));
    CHECK(fields.at("ECH").starts_with("outer"));
    CHECK(fields.at("JA4").starts_with("t13d05"));
}

TEST_CASE("what a hello does not have is none") {
    const auto fields = described(hello_builder::bare());
    for (const auto* label : {"extensions", "server_name", "ALPN", "versions", "groups", "key shares", "ECH"})
        CHECK(fields.at(label) == "none");
    CHECK(described(hello_builder::tls13().extension(tls::extension::encrypted_client_hello, bytes{1}))
              .at("ECH") == "inner");
}

TEST_CASE("a name is printable whatever the client sent") {
    CHECK(described(hello_builder::tls12().server_name("a\"b\\c\x01\xff\n")).at("server_name") ==
          "\"a\\\"b\\\\c\\u0001\\u00FF\\u000A\"");
}

TEST_CASE("numbers without a name are hexadecimal") {
    CHECK(tls::version_name(0x7f1c) == "0x7f1c");
    CHECK(tls::group_name(0xfafa) == "GREASE 0xfafa");
    CHECK(tls::group_name(0x0a1a) == "0x0a1a");
    CHECK(tls::signature_scheme_name(0x0001) == "0x0001");
    CHECK(tls::extension_name(0xffff) == "0xffff");
    CHECK(tls::cipher_suite_name(0x00ff) == "TLS_EMPTY_RENEGOTIATION_INFO_SCSV");
}

TEST_CASE("a captured hello is taken from a binary file, hexadecimal, or hexadecimal with comments") {
    const auto stream = hello_builder::tls13().stream();
    CHECK(tls::captured_stream(as_text(stream)) == stream);
    CHECK(tls::captured_stream("16 03 01\n00 0A\tff\r\n") == bytes{0x16, 3, 1, 0, 10, 0xff});
    CHECK(tls::captured_stream("# client: g\n1603\n# more\n01") == bytes{0x16, 3, 1});
    CHECK(tls::captured_stream("1603\n# no newline") == bytes{0x16, 3});
    CHECK(tls::captured_stream("160") == bytes{'1', '6', '0'});
    CHECK(tls::captured_stream("16#03") == bytes{'1', '6', '#', '0', '3'});
    CHECK(tls::captured_stream("16 0x") == bytes{'1', '6', ' ', '0', 'x'});
    CHECK(tls::captured_stream("").empty());
    CHECK(tls::captured_stream("# only a comment").front() == '#');
}

TEST_CASE("the captured hellos of this project are read as files") {
    for (const auto& captured : load_captured_hellos(SNIPASS_SOURCE_DIR "/tests/data/hellos")) {
        std::ifstream in{SNIPASS_SOURCE_DIR "/tests/data/hellos/" + captured.file};
        std::stringstream content;
        content << in.rdbuf();
        CHECK(tls::captured_stream(content.str()) == captured.stream);
    }
}
