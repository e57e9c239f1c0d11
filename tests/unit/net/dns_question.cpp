// SPDX-License-Identifier: BSL-1.0
#include "snipass/net/dns_question.hpp"
#include "snipass/os/error.hpp"

#include "catch.hpp"
#include "catch_result.hpp"
#include "descriptor_limit.hpp"
#include "dns_server.hpp"
#include "run_coroutine.hpp"
#include "sockets.hpp"

using namespace snipass;
using namespace snipass::testing;

namespace {

std::vector<ip_address> parsed(const std::vector<std::string>& texts) {
    std::vector<ip_address> all;
    for (const auto& text : texts)
        all.push_back(*ip_address::parse(text));
    return all;
}

// asked is one question and what became of it.
struct asked {
    asked(net::event_loop& loop, const std::string& name, const std::string& servers)
        : question(std::make_unique<net::dns_question>(
              loop, name,
              [this](net::dns_question::answer given) {
                  answer = std::move(given);
                  question.reset(); // as a cache does
              },
              servers)) {}

    std::optional<net::dns_question::answer> answer;
    std::unique_ptr<net::dns_question> question;
};

net::dns_question::answer ask(dns_server& server, const std::string& name) {
    net::event_loop loop;
    asked one{loop, name, server.address()};
    CHECK_FALSE(one.answer); // never at once
    run_until(loop, [&] {
        server.serve();
        return one.answer.has_value();
    });
    return *one.answer;
}

} // namespace

TEST_CASE("dns_question: what a server answers") {
    struct row {
        const char* name;
        dns_server::reply reply;
        std::vector<std::string> addresses;
        const char* error;
    };
    std::vector<std::string> many;
    for (int i = 1; i <= 60; ++i)
        many.push_back("192.0.2." + std::to_string(i));
    for (const auto& row : std::vector<struct row>{
             {"one address", {{"192.0.2.1"}}, {"192.0.2.1"}, ""},
             {"only IPv6", {{"2001:db8::1"}}, {"2001:db8::1"}, ""},
             {"in the server's order", {{"192.0.2.2", "192.0.2.1"}}, {"192.0.2.2", "192.0.2.1"}, ""},
             {"a lie beside it", {{"0.0.0.0", "192.0.2.1"}}, {"192.0.2.1"}, ""},
             {"only lies", {{"0.0.0.0"}}, {}, "DNS server returned answer with no data"},
             {"no such name", {{}, 3}, {}, "Domain name not found"},
             {"no address", {}, {}, "DNS server returned answer with no data"},
             {"a server that fails", {{}, 2}, {}, ""}, // c-ares has come to say it in other words
             {"truncated: as far as it goes", {many, 0, true}, many, ""},
         }) {
        INFO(row.name);
        dns_server server;
        server.replies["www.example.com"] = row.reply;
        const auto got = ask(server, "www.example.com.");
        CHECK(got.has_value() == !row.addresses.empty());
        if (got)
            CHECK(*got == parsed(row.addresses));
        else if (*row.error != '\0')
            CHECK(got.error().message() == row.error);
    }
}

TEST_CASE("dns_question: the name itself, of both families, and each question from a port of its own") {
    dns_server server;
    server.replies["www.example.com"] = {{"192.0.2.1"}};
    for (int i = 0; i < 4; ++i)
        CHECK(ask(server, "www.example.com."));
    CHECK(server.asked() == std::vector<std::string>(8, "www.example.com"));
    CHECK(server.ports_seen() > 1);
}

TEST_CASE("dns_question: what is lost is asked again") {
    dns_server server;
    net::event_loop loop;
    asked one{loop, "www.example.com.", server.address()};
    server.lose();
    CHECK(server.asked().size() == 2); // A and AAAA
    server.replies["www.example.com"] = {{"192.0.2.1"}};
    run_until(loop, [&] {
        server.serve();
        return one.answer.has_value();
    });
    CHECK(one.answer->value() == parsed({"192.0.2.1"}));
}

TEST_CASE("dns_question: one that nobody needs any more leaves nothing behind") {
    dns_server server;
    net::event_loop loop;
    const auto before = open_descriptors();
    auto one = std::make_unique<asked>(loop, "www.example.com.", server.address());
    CHECK(open_descriptors() > before);
    one->question.reset();
    CHECK(open_descriptors() == before);
    run_ready(loop);
    CHECK_FALSE(one->answer);
    server.replies["www.example.com"] = {{"192.0.2.1"}};
    one->question.reset();
    asked other{loop, "www.example.com.", server.address()};
    server.serve();
    other.question.reset(); // its answer is here, and untold
    run_ready(loop);
    CHECK_FALSE(other.answer);
    CHECK(open_descriptors() == before);
}

TEST_CASE("dns_question: without a descriptor, or a name, there is an error and no hanging") {
    dns_server server;
    net::event_loop loop;
    descriptor_limit none{0};
    asked one{loop, "www.example.com.", server.address()};
    run_until(loop, [&] { return one.answer.has_value(); });
    none.lift();
    CHECK_FALSE(one.answer->has_value());
    CHECK(one.answer->error() == os::make_error(EMFILE)); // not the server's fault
    for (const auto& name : {std::string(300, 'x'), std::string{"a..b."}, std::string{"x.onion."}}) {
        INFO(name);
        CHECK_FALSE(ask(server, name));
    }
}
