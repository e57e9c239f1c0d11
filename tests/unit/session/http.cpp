// SPDX-License-Identifier: BSL-1.0
// Clients of a listener for HTTP: routed by what they ask for, redirected, refused by an answer.
#include "router_fixture.hpp"
#include "snipass/session/session.hpp"

using namespace snipass;
using namespace snipass::testing;
using config::match_kind;
using config::policy;
using server::outcome;

namespace {

std::string request(const std::string& line, const std::string& host, const std::string& more = "") {
    return line + "\r\nHost: " + host + "\r\n" + more + "\r\n";
}

// A router with a backend for www.example.com, and a redirect for all that begins with /old/.
struct fixture : router_fixture {
    stream_backend backend;

    fixture() {
        auto& listener = what.listener();
        listener.protocol = config::listener_protocol::http;
        listener.unmatched = listener.malformed = listener.foreign = policy::status;
        what.stream(backend.path());
        what.redirect({});
        what.route("www.example.com", 0);
        what.requests({{"/old/", true}}, 1);
    }
};

bytes to_bytes(const std::string& text) {
    const auto view = as_bytes(text);
    return {view.begin(), view.end()};
}

// The answer's first line, its Location, and whether there is a body.
struct heard {
    std::string line;
    std::string location;
    bool has_body = false;
};

heard read_answer(const tcp_client& client) {
    std::string text;
    CHECK(client.read_to_end(text) == ending::fin);
    heard answer{text.substr(0, text.find("\r\n")), {}, !text.ends_with("\r\n\r\n")};
    if (const auto at = text.find("\r\nLocation: "); at != text.npos)
        answer.location = text.substr(at + 12, text.find("\r\n", at + 2) - at - 12);
    CHECK(text.find("\r\nConnection: close\r\n") != text.npos);
    return answer;
}

} // namespace

TEST_CASE("session: a request is routed by its Host, and all of it is in the backend's socket") {
    fixture test;
    auto& router = test.start();
    const auto text = request("POST /x HTTP/1.1", "WWW.example.com:80", "Content-Length: 5\r\n") + "hello";
    const auto client = router.connect();
    SECTION("at once") {
        client.send(text);
    }
    SECTION("in two segments") {
        client.send_segment(as_bytes(text).first(20));
        router.wait_until_waiting(1);
        client.send(as_bytes(text).subspan(20));
    }
    SECTION("byte by byte") {
        for (const char c : text)
            client.send(std::string(1, c));
    }
    const auto taken = test.backend.take();
    router.wait_for(outcome::handed_off);
    CHECK(router.counters().of(match_kind::exact) == 1);
    wait_until_unread(taken.get(), text.size());
    check_whole(taken, to_bytes(text));
}

TEST_CASE("session: a redirect is told once, to the host that a route has") {
    struct row {
        const char* behaviour;
        std::string request;
        heard answer;
        outcome end;
    };
    const auto row = GENERATE(values<struct row>({
        {"GET",
         request("GET /old/a?b=%20 HTTP/1.1", "WWW.Example.com.:8080"),
         {"HTTP/1.1 301 Moved Permanently", "https://www.example.com/old/a?b=%20", true},
         outcome::redirected},
        {"HEAD has no body",
         request("HEAD /old/ HTTP/1.1", "www.example.com"),
         {"HTTP/1.1 301 Moved Permanently", "https://www.example.com/old/", false},
         outcome::redirected},
        {"POST, and its body is heard out",
         request("POST /old/ HTTP/1.1", "www.example.com", "Content-Length: 5\r\n") + "hello",
         {"HTTP/1.1 308 Permanent Redirect", "https://www.example.com/old/", true},
         outcome::redirected},
        {"HTTP/1.0",
         request("GET /old/ HTTP/1.0", "www.example.com"),
         {"HTTP/1.1 301 Moved Permanently", "https://www.example.com/old/", true},
         outcome::redirected},
        {"as to a proxy",
         request("GET http://www.example.com/old/x HTTP/1.1", "www.example.com"),
         {"HTTP/1.1 301 Moved Permanently", "https://www.example.com/old/x", true},
         outcome::redirected},
        {"a path with dots, as it was sent",
         request("GET /x/../old/a HTTP/1.1", "www.example.com"),
         {"HTTP/1.1 301 Moved Permanently", "https://www.example.com/x/../old/a", true},
         outcome::redirected},
        {"not to a host that no route has",
         request("GET /old/ HTTP/1.1", "evil.example"),
         {"HTTP/1.1 421 Misdirected Request", "", true},
         outcome::no_route},
        {"nor to none", "GET /old/ HTTP/1.0\r\n\r\n", {"HTTP/1.1 404 Not Found", "", true}, outcome::no_host},
    }));
    INFO(row.behaviour);
    fixture test;
    auto& router = test.start();
    auto client = router.connect();
    client.send(row.request);
    const auto answer = read_answer(client);
    CHECK(answer.line == row.answer.line);
    CHECK(answer.location == row.answer.location);
    CHECK(answer.has_body == row.answer.has_body);
    client.close();
    router.wait_for(row.end);
}

TEST_CASE("session: a redirect of a long target comes whole") {
    fixture test;
    auto& router = test.start();
    const std::string target = "/old/" + std::string(30'000, 'x');
    auto client = router.connect();
    client.send(request("GET " + target + " HTTP/1.1", "www.example.com"));
    CHECK(read_answer(client).location == "https://www.example.com" + target);
    client.close();
    router.wait_for(outcome::redirected);
}

TEST_CASE("session: what is no request is refused by an answer") {
    struct row {
        const char* behaviour;
        std::string text;
        const char* line;
        outcome end;
    };
    const bytes hello = hello_for("www.example.com");
    const auto row = GENERATE_COPY(values<struct row>({
        {"two hosts", request("GET / HTTP/1.1", "a", "Host: b\r\n"), "HTTP/1.1 400 Bad Request",
         outcome::malformed},
        {"a path above its root", request("GET /../x HTTP/1.1", "www.example.com"),
         "HTTP/1.1 400 Bad Request", outcome::malformed},
        {"a head that is too long",
         request("GET / HTTP/1.1", "www.example.com", "X: " + std::string(40'000, 'x') + "\r\n"),
         "HTTP/1.1 431 Request Header Fields Too Large", outcome::malformed},
        {"TLS", std::string{as_text(hello)}, "HTTP/1.1 400 Bad Request", outcome::not_http},
        {"HTTP/2 with prior knowledge", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
         "HTTP/1.1 505 HTTP Version Not Supported", outcome::not_http},
        {"something else", std::string("\0\1\2", 3), "HTTP/1.1 400 Bad Request", outcome::not_http},
    }));
    INFO(row.behaviour);
    fixture test;
    auto& router = test.start();
    auto client = router.connect();
    client.send(row.text);
    CHECK(read_answer(client).line == row.line);
    client.close();
    router.wait_for(row.end);
}

TEST_CASE("session: a path without a normal form is refused only where a route compares it") {
    router_fixture test;
    auto& listener = test.what.listener();
    listener.protocol = config::listener_protocol::http;
    listener.malformed = policy::status;
    test.what.redirect({});
    test.what.requests({{"/live/", true}}, 0, "live.example.com");
    test.what.requests({{"/", true}}, 0, "www.example.com");
    auto& router = test.start();
    const bool is_compared = GENERATE(true, false);
    auto client = router.connect();
    client.send(request("GET /a%2Fb HTTP/1.1", is_compared ? "live.example.com" : "www.example.com"));
    const auto answer = read_answer(client);
    CHECK(answer.line == (is_compared ? "HTTP/1.1 400 Bad Request" : "HTTP/1.1 301 Moved Permanently"));
    CHECK(answer.location == (is_compared ? "" : "https://www.example.com/a%2Fb"));
    client.close();
    router.wait_for(is_compared ? outcome::malformed : outcome::redirected);
}

TEST_CASE("session: a client of HTTP is refused as the file says") {
    fixture test;
    test.what.listener().unmatched = GENERATE(policy::close, policy::reset);
    const bool reset = test.what.listener().unmatched == policy::reset;
    auto& router = test.start();
    auto client = router.connect();
    client.send(request("GET / HTTP/1.1", "other.example.com"));
    std::string text;
    CHECK(client.read_to_end(text) == (reset ? ending::reset : ending::fin));
    CHECK(text.empty());
    client.close();
    router.wait_for(outcome::no_route);
}

TEST_CASE("session: what no route takes of HTTP goes to [default] where the file says so") {
    fixture test;
    auto& listener = test.what.listener();
    listener.unmatched = listener.malformed = listener.foreign = policy::route_to_default;
    test.what.otherwise(0);
    auto& router = test.start();
    std::vector<tcp_client> clients;
    for (const auto& text :
         {request("GET / HTTP/1.1", "other.example.com"), std::string{"GET / HTTP/1.0\r\n\r\n"},
          std::string{"GET  HTTP/1.1\r\n"}, std::string{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"}}) {
        clients.push_back(router.connect());
        clients.back().send(text);
        CHECK(unread(test.backend.take().get()) == text.size());
    }
    router.wait_for(outcome::handed_off, 4);
    for (const auto why :
         {match_kind::no_route, match_kind::no_host, match_kind::malformed, match_kind::not_http})
        CHECK(router.counters().of(why) == 1);
}

TEST_CASE("session: to what is no request nobody says where to go") {
    fixture test;
    test.what.listener().malformed = policy::route_to_default;
    test.what.otherwise(1);
    auto& router = test.start();
    auto client = router.connect();
    client.send("GET  HTTP/1.1\r\n");
    const auto answer = read_answer(client);
    CHECK(answer.line == "HTTP/1.1 400 Bad Request");
    CHECK(answer.location.empty());
    client.close();
    router.wait_for(outcome::malformed);
}

TEST_CASE("session: a datagram backend is given the head, and finds the body in the socket") {
    fixture test;
    datagram_backend backend;
    test.what.datagram(backend.path());
    test.what.route("live.example.com", 2);
    auto& router = test.start();
    const auto head = request("POST /x HTTP/1.1", "live.example.com", "Content-Length: 5\r\n");
    const auto client = router.connect();
    client.send(head + "hello");
    const auto taken = backend.receive();
    router.wait_for(outcome::handed_off);
    CHECK(as_text(taken.first) == head);
    wait_until_unread(taken.client.get(), 5);
}
