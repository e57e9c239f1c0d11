// SPDX-License-Identifier: BSL-1.0
#include "snipass/telling/record.hpp"

#include "captured_stderr.hpp"
#include "catch.hpp"
#include "router_fixture.hpp"

#include <regex>

using namespace snipass;
using namespace snipass::testing;
using namespace std::chrono_literals;
using server::outcome;
using session_record = server::record;

namespace {

const auto now = std::chrono::system_clock::time_point{1'000'000'000'042ms};

std::string text(const session_record& one) {
    std::string line;
    server::format_text(line, one, now);
    return line;
}

std::string json(const session_record& one) {
    std::string line;
    server::format_json(line, one, now);
    return line;
}

session_record refused() {
    session_record one;
    one.outcome = outcome::not_tls;
    one.client = *ip_endpoint::parse("192.0.2.7:50000");
    one.listener = "*:443";
    one.match = config::match_kind::not_tls;
    one.duration = 12us;
    one.hello_bytes = 3;
    one.detail = "not TLS";
    return one;
}

alpn_list offer(std::string_view entries) {
    return alpn_list{as_bytes(entries)};
}

const net::relay_result cut_short{net::relay_end::backend_reset, net::relay_side::backend, 1000, 2000};

session_record handed_off() {
    session_record one;
    one.outcome = outcome::handed_off;
    one.client = *ip_endpoint::parse("[2001:db8::7]:50000");
    one.listener = "[::]:443";
    one.hello.emplace("www.example.com", offer("\2h2\10http/1.1"));
    one.match = config::match_kind::wildcard;
    one.route = 17;
    one.backend = "blog";
    one.id = proxy_protocol::unique_id{0x8f, 0x3c, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x2a};
    one.duration = 812us;
    one.hello_bytes = 517;
    return one;
}

session_record proxied() {
    auto one = handed_off();
    one.outcome = outcome::proxied;
    one.via = ip_endpoint::parse("198.51.100.9:1234");
    static const server::relay_facts facts{"app.example.net:443", ip_endpoint::parse("10.0.0.5:443"), 300us,
                                           &cut_short};
    one.relay = &facts;
    return one;
}

} // namespace

TEST_CASE("record: a line of text has what is known, and nothing else") {
    CHECK(text(refused()) == "2001-09-09T01:46:40.042Z session not_tls client=192.0.2.7:50000 listener=*:443 "
                             "match=not_tls duration_us=12 hello_bytes=3 detail=\"not TLS\"");
    CHECK(text(handed_off()) ==
          "2001-09-09T01:46:40.042Z session handed_off client=[2001:db8::7]:50000 listener=[::]:443 "
          "server_name=\"www.example.com\" alpn=\"h2,http/1.1\" match=wildcard route=17 backend=\"blog\" "
          "id=8f3c000000000000000000000000012a duration_us=812 hello_bytes=517");
    CHECK(text(proxied()) ==
          "2001-09-09T01:46:40.042Z session proxied client=[2001:db8::7]:50000 via=198.51.100.9:1234 "
          "listener=[::]:443 server_name=\"www.example.com\" alpn=\"h2,http/1.1\" match=wildcard route=17 "
          "backend=\"blog\" id=8f3c000000000000000000000000012a duration_us=812 hello_bytes=517 "
          "address=\"app.example.net:443\" endpoint=10.0.0.5:443 connect_us=300 to_backend=1000 "
          "to_client=2000 end=backend_reset closed_first=backend");
}

TEST_CASE("record: a JSON object has null for what is not known") {
    CHECK(json(refused()) ==
          R"({"time":"2001-09-09T01:46:40.042Z","event":"session","outcome":"not_tls",)"
          R"("client":"192.0.2.7:50000","listener":"*:443","server_name":null,"alpn":[],"match":"not_tls",)"
          R"("route":null,"backend":null,"duration_us":12,"hello_bytes":3,"detail":"not TLS"})");
    CHECK(json(handed_off()) ==
          R"({"time":"2001-09-09T01:46:40.042Z","event":"session","outcome":"handed_off",)"
          R"("client":"[2001:db8::7]:50000","listener":"[::]:443","server_name":"www.example.com",)"
          R"("alpn":["h2","http/1.1"],"match":"wildcard","route":17,"backend":"blog",)"
          R"("id":"8f3c000000000000000000000000012a","duration_us":812,"hello_bytes":517})");
    CHECK(json(proxied()) ==
          R"({"time":"2001-09-09T01:46:40.042Z","event":"session","outcome":"proxied",)"
          R"("client":"[2001:db8::7]:50000","via":"198.51.100.9:1234","listener":"[::]:443",)"
          R"("server_name":"www.example.com","alpn":["h2","http/1.1"],"match":"wildcard","route":17,)"
          R"("backend":"blog","id":"8f3c000000000000000000000000012a","duration_us":812,"hello_bytes":517,)"
          R"("address":"app.example.net:443","endpoint":"10.0.0.5:443","connect_us":300,"to_backend":1000,)"
          R"("to_client":2000,"end":"backend_reset","closed_first":"backend"})");
}

TEST_CASE("record: of a client whose TLS has ended here, what was agreed on and what passed") {
    auto one = handed_off();
    one.in_clear = std::make_unique<server::clear_text_notes>();
    *one.in_clear = {"TLSv1.3", "TLS_AES_128_GCM_SHA256", "h2", true, false, cut_short};
    CHECK_THAT(text(one),
               Catch::Matchers::EndsWith(
                   " hello_bytes=517 tls=TLSv1.3 cipher=TLS_AES_128_GCM_SHA256 chosen=\"h2\" resumed=yes "
                   "plaintext=relay to_backend=1000 to_client=2000 end=backend_reset closed_first=backend"));
    *one.in_clear = {"TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256", "", false, true, {}};
    CHECK_THAT(json(one), Catch::Matchers::EndsWith(R"("hello_bytes":517,"tls":"TLSv1.2",)"
                                                    R"("cipher":"ECDHE-RSA-AES128-GCM-SHA256","chosen":null,)"
                                                    R"("resumed":"no","plaintext":"ktls"})"));
    one.in_clear->client_name = "a \"client\"";
    CHECK_THAT(text(one), Catch::Matchers::EndsWith(R"( plaintext=ktls client_name="a \"client\"")"));
}

TEST_CASE("record: what [log] hello asks for") {
    auto one = handed_off();
    auto more = std::make_unique<server::hello_notes::details>();
    *more = {.versions = {0x0304, 0x0303}, .groups = {0x001d}, .ech = true, .ja4 = "t13d"};
    one.hello.emplace("www.example.com", alpn_list{}, std::move(more));
    CHECK(text(one).find(R"( versions="TLS 1.3,TLS 1.2" key_shares="x25519" ech=outer ja4=t13d )") !=
          std::string::npos);
    CHECK(json(one).find(
              R"("versions":["TLS 1.3","TLS 1.2"],"key_shares":["x25519"],"ech":"outer","ja4":"t13d",)") !=
          std::string::npos);
}

TEST_CASE("record: nothing that a client sends can end a field or a line") {
    auto one = handed_off();
    one.hello.emplace("a\" client=fake\nb", offer("\3a\"\n"));
    for (const auto& line : {text(one), json(one)}) {
        CAPTURE(line);
        CHECK(line.find('\n') == std::string::npos);
        CHECK(line.find(R"("a\" client=fake\u000ab")") != std::string::npos);
        CHECK(line.find(R"("a\"\u000a")") != std::string::npos);
    }
}

namespace {

// The lines of a router that has served one client, which `use` made.
template <class Use>
std::string logged(router_fixture& test, Use use) {
    test.what.log().access = true;
    captured_stderr captured;
    use(test.start());
    test.running.reset();
    return captured.text();
}

} // namespace

TEST_CASE("record: the log has the id that the backend was told") {
    router_fixture test;
    const stream_backend backend;
    test.what.stream(backend.path());
    test.what.otherwise(0);
    bytes id;
    const auto line = logged(test, [&](router& router) {
        const auto client = router.connect_with(hello_for("www.example.com"));
        const auto offer = backend.receive();
        REQUIRE(offer.answer() == 0);
        id.assign(offer.header.end() - 16, offer.header.end());
        router.wait_for(outcome::handed_off);
    });
    std::string hex;
    for (const auto byte : id) {
        hex += "0123456789abcdef"[byte / 16];
        hex += "0123456789abcdef"[byte % 16];
    }
    CHECK(line.find(" id=" + hex + " ") != std::string::npos);
}

TEST_CASE("record: the duration of a refusal ends with the refusal, not with the client's last moment") {
    router_fixture test;
    const auto begun = std::chrono::steady_clock::now();
    std::chrono::steady_clock::duration heard_after{};
    const auto line = logged(test, [&](router& router) {
        const auto client = router.connect_with(hello_for("www.example.com"));
        CHECK(client.read_to_end() == ending::fin);
        heard_after = std::chrono::steady_clock::now() - begun;
        router.wait_for(outcome::no_route); // it stays, and is waited for
    });
    std::smatch found;
    REQUIRE(std::regex_search(line, found, std::regex{" duration_us=([0-9]+) "}));
    CHECK(std::chrono::microseconds{std::stoll(found[1])} <= heard_after);
}

namespace {

std::unique_ptr<server::hello_notes::details> of_request(server::request_notes notes) {
    auto more = std::make_unique<server::hello_notes::details>();
    more->request = std::move(notes);
    return more;
}

} // namespace

TEST_CASE("record: a client that spoke HTTP") {
    session_record one;
    one.outcome = outcome::redirected;
    one.client = *ip_endpoint::parse("192.0.2.7:50000");
    one.listener = "*:80";
    one.hello.emplace("www.example.com", alpn_list{}, of_request({"GET", "/a\"b?c", 0}));
    one.match = config::match_kind::exact;
    one.route = 3;
    one.backend = "https";
    one.status = 301;
    one.duration = 12us;
    one.hello_bytes = 50;
    CHECK(text(one) == "2001-09-09T01:46:40.042Z session redirected client=192.0.2.7:50000 listener=*:80 "
                       "host=\"www.example.com\" method=\"GET\" target=\"/a\\\"b?c\" version=1.0 match=exact "
                       "route=3 backend=\"https\" status=301 duration_us=12 hello_bytes=50");
    CHECK(
        json(one).find("\"host\":\"www.example.com\",\"method\":\"GET\",\"target\":\"/a\\\"b?c\",\"version\":"
                       "\"1.0\",\"match\":\"exact\"") != std::string::npos);
    CHECK(json(one).find("server_name") == std::string::npos);
    one.hello.emplace(std::nullopt, alpn_list{}, of_request({"GET", "/", 1}));
    CHECK(text(one).find("host=") == std::string::npos);
    CHECK(json(one).find("\"host\":null") != std::string::npos);
}

TEST_CASE("record: of a request as much is kept as a line shows") {
    server::request_notes notes{std::string(100, 'M'), "/" + std::string(1'000, 'x'), 1};
    CHECK(notes.method() == std::string(32, 'M'));
    CHECK(notes.target().size() == 257);
    CHECK(notes.version() == "1.1");
    session_record one;
    one.hello.emplace("a", alpn_list{}, of_request(notes));
    CHECK(text(one).find("/xxx") != std::string::npos);
    CHECK(text(one).find("x...\"") != std::string::npos);
    one.hello->cut(10);
    CHECK(one.hello->request()->target() == "/xxxxxxxxx");
}
