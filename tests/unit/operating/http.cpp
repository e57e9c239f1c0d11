// SPDX-License-Identifier: BSL-1.0
#include "snipass/operating/http.hpp"

#include "catch.hpp"

#include <boost/beast/zlib/inflate_stream.hpp>

using namespace snipass::server;

namespace {

// answered is the status of a GET with this Host header; 200: it would be answered.
unsigned answered(const std::optional<std::string>& host, bool by_path = false) {
    const http_question one{.method = "GET", .target = "/", .host = host, .comes_by_path = by_path};
    const auto refused = why_refused(one, {"router.example.com"});
    return refused ? refused->status : 200;
}

} // namespace

TEST_CASE("http: a name that a stranger lets lead here is none of this router's") {
    struct row {
        const char* host;
        unsigned status;
    };
    const auto row = GENERATE(values<struct row>({{"127.0.0.1:9145", 200},
                                                  {"127.0.0.1", 200},
                                                  {"[::1]:9145", 200},
                                                  {"[::1]", 200},
                                                  {"192.0.2.1:9145", 200},
                                                  {"localhost:9145", 200},
                                                  {"LOCALHOST", 200},
                                                  {"router.example.com", 200},
                                                  {"Router.Example.COM.:9145", 200},
                                                  {"evil.example.com:9145", 421},
                                                  {"localhost.example.com", 421},
                                                  {"127.0.0.1.example.com", 421},
                                                  {"127.1", 421},
                                                  {"[::1", 421},
                                                  {"a b", 421},
                                                  {"", 421}}));
    INFO(row.host);
    CHECK(answered(row.host) == row.status);
}

TEST_CASE("http: HTTP/1.0 has no Host, and whoever comes by a unix socket is no browser") {
    CHECK(answered(std::nullopt) == 200);
    CHECK(answered("evil.example.com", true) == 200);
}

TEST_CASE("http: nothing can be changed") {
    const auto method = GENERATE(as<std::string>{}, "POST", "PUT", "DELETE", "OPTIONS", "get", "");
    const auto refused = why_refused({.method = method, .target = "/"}, {});
    REQUIRE(refused);
    CHECK(refused->status == 405);
    CHECK(!why_refused({.method = "HEAD", .target = "/"}, {}));
}

TEST_CASE("http: what stands behind a question mark is no part of the path") {
    CHECK(path_of("/metrics?name=a") == "/metrics");
    CHECK(path_of("/") == "/");
    CHECK(path_of("") == "");
}

TEST_CASE("http: gzip is for those who ask for it") {
    struct row {
        const char* header;
        bool accepts;
    };
    const auto row = GENERATE(values<struct row>({{"gzip", true},
                                                  {"GZIP", true},
                                                  {"deflate, gzip;q=0.5", true},
                                                  {"br,gzip , deflate", true},
                                                  {"gzip;q=0", false},
                                                  {"gzip; q=0.000", false},
                                                  {"", false},
                                                  {"identity", false},
                                                  {"xgzip", false},
                                                  {",,;", false}}));
    INFO(row.header);
    CHECK(accepts_gzip(row.header) == row.accepts);
}

TEST_CASE("http: what was packed is what comes out") {
    const auto size = GENERATE(std::size_t{0}, std::size_t{1}, std::size_t{100'000}, std::size_t{1'000'000});
    std::string text;
    for (std::size_t i = 0; text.size() < size; ++i)
        text += "line " + std::to_string(i * i) + "\n";
    const auto packed = to_gzip(text);
    CHECK((text.size() < 1'000 || packed.size() < text.size() / 2));
    constexpr std::size_t head = 10;
    constexpr std::size_t tail = 8;
    REQUIRE(packed.size() > head + tail);
    std::string out(text.size() + 1, '\0');
    boost::beast::zlib::inflate_stream stream;
    boost::beast::zlib::z_params state;
    state.next_in = packed.data() + head;
    state.avail_in = packed.size() - head - tail;
    state.next_out = out.data();
    state.avail_out = out.size();
    boost::system::error_code ec;
    stream.write(state, boost::beast::zlib::Flush::finish, ec);
    CHECK(ec == boost::beast::zlib::error::end_of_stream);
    out.resize(state.total_out);
    CHECK(out == text);
}

TEST_CASE("http: parameters are what stands behind the question mark") {
    using parameters = std::map<std::string, std::string>;
    struct row {
        const char* target;
        parameters expected;
    };
    const auto row =
        GENERATE(values<struct row>({{"/close", {}},
                                     {"/close?", {}},
                                     {"/close?id=0-1", {{"id", "0-1"}}},
                                     {"/d?a=unix%3A%2Frun%2fa&b=", {{"a", "unix:/run/a"}, {"b", ""}}},
                                     {"/d?a=%", {{"a", "%"}}},
                                     {"/d?a=%2", {{"a", "%2"}}},
                                     {"/d?a=%zz%41", {{"a", "%zzA"}}},
                                     {"/d?a=1=2&&c", {{"a", "1=2"}, {"", ""}, {"c", ""}}}}));
    CAPTURE(row.target);
    CHECK(parameters_of(row.target) == row.expected);
}

TEST_CASE("http: no more parameters are kept than anybody asks for") {
    std::string target = "/d?good=1";
    std::size_t given = 1;
    const auto add = [&] { target += "&a" + std::to_string(given++) + "=x"; };
    while (given < most_parameters)
        add();
    CHECK(parameters_of(target).size() == most_parameters);
    add();
    CHECK(parameters_of(target).size() == most_parameters);
    CHECK(parameters_of(target).contains("good"));
}
