// SPDX-License-Identifier: BSL-1.0
#include "snipass/http/scgi.hpp"

#include "catch.hpp"
#include "head_reading.hpp"

#include <string>

using namespace snipass;
using namespace snipass::testing;
using namespace std::string_literals;

namespace {

// The block of the netstring, with '=' and ';' for the NULs.
std::string block_of(const std::string& head, const std::optional<http::ended_tls>& tls = std::nullopt) {
    const auto reading = read_head(head);
    REQUIRE(reading.head);
    const auto message = http::write_scgi(*reading.head, *ip_endpoint::parse("192.0.2.1:1234"),
                                          *ip_endpoint::parse("[2001:db8::2]:80"), tls);
    const auto colon = message.find(':');
    REQUIRE(message.substr(0, colon) == std::to_string(message.size() - colon - 2));
    REQUIRE(message.back() == ',');
    std::string block;
    bool is_name = true;
    for (const char c : message.substr(colon + 1, message.size() - colon - 2)) {
        block += c != '\0' ? c : is_name ? '=' : ';';
        is_name = is_name != (c == '\0');
    }
    return block;
}

} // namespace

TEST_CASE("a request in SCGI's form has the variables of nginx's module in its order, and the protocol") {
    CHECK(block_of("POST /live/./1?a=b HTTP/1.1\r\nHost: a.example:80\r\nX-y:1\r\nx-Y: 2\r\n"
                   "Content-Length: 3\r\n\r\nabc") ==
          "CONTENT_LENGTH=0;SCGI=1+fd_pass;REMOTE_ADDR=192.0.2.1;REMOTE_PORT=1234;REQUEST_METHOD=POST;"
          "REQUEST_URI=/live/./1?a=b;SERVER_ADDR=2001:db8::2;SERVER_PORT=80;QUERY_STRING=a=b;"
          "SERVER_PROTOCOL=HTTP/1.1;HTTP_HOST=a.example:80;HTTP_X_Y=1;HTTP_X_Y=2;HTTP_CONTENT_LENGTH=3;");
}

TEST_CASE("a request in SCGI's form without a query has an empty one, and no scheme in its URI") {
    CHECK(block_of("GET http://a.example HTTP/1.0\r\nHost: a.example\r\n\r\n").find("REQUEST_URI=/;") !=
          std::string::npos);
    const auto block = block_of("OPTIONS * HTTP/1.0\r\n\r\n");
    CHECK(block.find("REQUEST_URI=*;") != std::string::npos);
    CHECK(block.ends_with("QUERY_STRING=;SERVER_PROTOCOL=HTTP/1.0;"));
    CHECK(block_of("GET /? HTTP/1.0\r\n\r\n").find("REQUEST_URI=/?;") != std::string::npos);
}

TEST_CASE(
    "a request in SCGI's form whose client came by TLS says so in the module's place, and how at the end") {
    const std::string head = "GET / HTTP/1.0\r\nSSL-Cipher: mine\r\nHttps: off\r\n\r\n";
    http::ended_tls tls{};
    tls.version = "TLSv1.3";
    tls.cipher = "C";
    CHECK(block_of(head, tls) ==
          "CONTENT_LENGTH=0;SCGI=1+fd_pass;HTTPS=on;KTLS_RX=1;REMOTE_ADDR=192.0.2.1;REMOTE_PORT=1234;"
          "REQUEST_METHOD=GET;REQUEST_URI=/;SERVER_ADDR=2001:db8::2;SERVER_PORT=80;QUERY_STRING=;"
          "SERVER_PROTOCOL=HTTP/1.0;HTTP_SSL_CIPHER=mine;HTTP_HTTPS=off;SSL_PROTOCOL=TLSv1.3;SSL_CIPHER=C;"
          "SSL_SESSION_RESUMED=Initial;SSL_CLIENT_VERIFY=NONE;SNIPASS_PLAINTEXT=relay;");
    tls.server_name = "a.example";
    tls.protocol = "http/1.1";
    tls.client_name = "Anna";
    tls.is_resumed = tls.is_in_kernel = true;
    tls.farewell = "/f";
    CHECK(
        block_of(head, tls).ends_with("SSL_SESSION_RESUMED=Resumed;SSL_TLS_SNI=a.example;SSL_ALPN_PROTOCOL="
                                      "http/1.1;SSL_CLIENT_VERIFY=SUCCESS;"
                                      "SSL_CLIENT_S_DN_CN=Anna;SNIPASS_PLAINTEXT=ktls;SNIPASS_FAREWELL=/f;"));
    tls.client_name = ""; // its certificate has none
    CHECK(block_of(head, tls).find("VERIFY=SUCCESS;SNIPASS") != std::string::npos);
}

TEST_CASE("a field whose variable would be another's is left out") {
    for (const auto& field : {"a_b: 1"s, "Proxy: 1"s, "pROXY: 1"s, "a.b: 1"s, "a~: 1"s}) {
        CAPTURE(field);
        const auto block = block_of("GET / HTTP/1.0\r\nA-B: 2\r\n" + field + "\r\n\r\n");
        CHECK(block.ends_with("SERVER_PROTOCOL=HTTP/1.0;HTTP_A_B=2;"));
    }
    CHECK(block_of("GET / HTTP/1.0\r\nProxy-Connection: 1\r\n\r\n").ends_with("HTTP_PROXY_CONNECTION=1;"));
}
