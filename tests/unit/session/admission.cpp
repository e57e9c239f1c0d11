// SPDX-License-Identifier: BSL-1.0
// Who may come to a listener, and how often.
#include "snipass/session/admission.hpp"

#include "router_fixture.hpp"

using namespace snipass;
using namespace snipass::testing;
using server::outcome;

namespace {

struct fixture : router_fixture {
    stream_backend backend;

    fixture() {
        what.stream(backend.path());
        what.route("www.example.com", 0);
        what.listener().admission.emplace();
    }
    config::admission_settings& limits() { return *what.listener().admission; }
};

std::vector<ip_prefix> networks(const char* text) {
    return {ip_prefix::parse(text).value()};
}

const bytes hello = hello_for("www.example.com");

// From a balancer: a client of this address.
bytes header_of(const std::string& client) {
    const auto text = "PROXY TCP4 " + client + " 198.51.100.1 50000 443\r\n";
    return {text.begin(), text.end()};
}

} // namespace

TEST_CASE("admission: a client in deny is reset, and no byte of it was read") {
    fixture test;
    test.limits().deny.emplace(networks("127.0.0.0/8"));
    auto& router = test.start();
    const auto client = router.connect_with(hello);
    router.wait_for(outcome::denied);
    CHECK(client.read_to_end() == ending::reset);
    CHECK(router.counters().accepted.value() == 1);
}

TEST_CASE("admission: who is not in allow is denied, and who is in it is served") {
    fixture test;
    test.limits().allow.emplace(networks("127.0.0.7"));
    auto& router = test.start();
    const auto stranger = router.connect_with(hello);
    router.wait_for(outcome::denied);
    const auto client = router.connect_with(hello, ip_address::parse("127.0.0.7"));
    (void)test.backend.take();
    router.wait_for(outcome::handed_off);
}

TEST_CASE("admission: deny is stronger than allow") {
    fixture test;
    test.limits().allow.emplace(networks("127.0.0.0/8"));
    test.limits().deny.emplace(networks("127.0.0.1"));
    auto& router = test.start();
    const auto client = router.connect_with(hello);
    router.wait_for(outcome::denied);
}

TEST_CASE("admission: behind a balancer the client's own address is judged, and not the balancer's") {
    fixture test;
    test.what.listener().accept_proxy_protocol = networks("127.0.0.0/8");
    test.limits().allow.emplace(networks("192.0.2.0/24"));
    test.limits().deny.emplace(networks("192.0.2.66"));
    auto& router = test.start();
    const auto good = router.connect_with(joined({header_of("192.0.2.7"), hello}));
    const auto bad = router.connect_with(joined({header_of("192.0.2.66"), hello}));
    const auto other = router.connect_with(joined({header_of("203.0.113.1"), hello}));
    (void)test.backend.take();
    router.wait_for(outcome::handed_off);
    router.wait_for(outcome::denied, 2);
}

namespace {

// Who comes for a name that nobody has ends as no_route, and needs no backend.
const bytes for_nobody = hello_for("nobody.example.com");

// Every client has come, and no more were let in than the rate allows in the time that it took.
void check_rate(router& router, std::size_t clients, std::size_t burst, net::time_point begin) {
    router.wait_until([&] { return router.ended() >= clients; }, "all have ended");
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(net::clock::now() - begin).count();
    CHECK(router.of(outcome::no_route) >= burst);
    CHECK(router.of(outcome::no_route) <= burst + static_cast<std::size_t>(seconds));
    CHECK(router.of(outcome::no_route) + router.of(outcome::rate_limited) == clients);
}

} // namespace

TEST_CASE("admission: a source beyond its rate is reset, and the next one is served") {
    fixture test;
    test.limits().per_source = rate{1, 2};
    test.what.listener().accept_proxy_protocol = networks("127.0.0.0/8");
    auto& router = test.start();
    const auto begin = net::clock::now();
    std::vector<tcp_client> clients;
    for (int i = 0; i < 50; ++i)
        clients.push_back(router.connect_with(joined({header_of("192.0.2.7"), for_nobody})));
    check_rate(router, 50, 2, begin);
    const auto other = router.connect_with(joined({header_of("192.0.2.8"), hello}));
    (void)test.backend.take();
    router.wait_for(outcome::handed_off);
}

TEST_CASE("admission: max_rate is for all sources together") {
    fixture test;
    test.limits().all = rate{1, 3};
    auto& router = test.start();
    const auto begin = net::clock::now();
    std::vector<tcp_client> clients;
    for (int i = 1; i <= 50; ++i)
        clients.push_back(
            router.connect_with(for_nobody, ip_address::v4({127, 0, 0, static_cast<std::uint8_t>(i)})));
    check_rate(router, 50, 3, begin);
}

TEST_CASE("admission: what is known of those who came outlives a reload") {
    fixture test;
    const auto file = [&] {
        site made;
        made.listener().admission.emplace().per_source = rate{1, 1};
        return made;
    };
    test.what = file();
    auto& router = test.start();
    const auto known = [&] {
        return router.ask([](server::worker& one) {
            const auto& now = *one.thread().in_use;
            return &now.arrivals_at(now.config->listeners.front());
        });
    };
    const auto* const before = known();
    router.apply(file());
    CHECK(known() == before);
}
