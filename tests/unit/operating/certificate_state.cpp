// SPDX-License-Identifier: BSL-1.0
// What snipass-tls says of its certificates, and what the router makes of it.
#include "snipass/operating/certificate_state.hpp"

#include "catch.hpp"

using namespace snipass::server;
using namespace std::chrono_literals;

namespace {

const auto now = wall_time_of(1'800'000'000);

certificate_state ending_in(std::chrono::seconds left, const std::string& file = "a.pem") {
    return {.file = file, .name = "a.example", .name_count = 2, .begins = now - 24h, .ends = now + left};
}

} // namespace

TEST_CASE("certificate_state: what the one program writes the other reads") {
    tls_state told{.is_good = false,
                   .read_at = now,
                   .why = "f.toml:1:2: error: a & b=c\n100 %\x01\xff",
                   .certificates = in_order({ending_in(48h, "/etc/x &=\n%41.pem"), ending_in(24h)})};
    const auto heard = from_lines(to_lines(told));
    REQUIRE(heard);
    CHECK_FALSE(heard->is_good);
    CHECK(heard->read_at == told.read_at);
    CHECK(heard->why == told.why);
    CHECK(heard->certificates.count == 2);
    CHECK(heard->certificates.first == told.certificates.first);
    CHECK(heard->certificates.first.front().file == "a.pem"); // it ends first
}

TEST_CASE("certificate_state: of very many those are told that end first, and how many there are") {
    std::vector<certificate_state> all;
    for (std::size_t i = 0; i < certificate_list::most + 5; ++i)
        all.push_back(ending_in(std::chrono::hours{certificate_list::most + 5 - i}));
    const auto heard = from_lines(to_lines({.certificates = in_order(std::move(all))}));
    REQUIRE(heard);
    CHECK(heard->certificates.count == certificate_list::most + 5);
    REQUIRE(heard->certificates.first.size() == certificate_list::most);
    CHECK(heard->certificates.first.front().ends == now + 1h);
}

TEST_CASE("certificate_state: what is no such answer is none, and no number is too large") {
    CHECK_FALSE(from_lines(""));
    CHECK_FALSE(from_lines("<html>"));
    CHECK_FALSE(from_lines(std::string(1'000'000, '&')));
    const auto odd =
        from_lines("good=1&read_at=99999999999999999999&certificates=-5\nends=253402300799\n\n=&%zz&ends=x");
    REQUIRE(odd);
    CHECK(odd->certificates.count == 0);
    CHECK(odd->certificates.first.size() == 3);
    CHECK(odd->certificates.first.front().ends > now);
    const auto many = from_lines("good=1\n" + std::string(10'000, '\n'));
    REQUIRE(many);
    CHECK(many->certificates.first.size() == certificate_list::most);
}

TEST_CASE("certificate_state: a colour warns two weeks before the end, and again three days before") {
    CHECK(validity_of(ending_in(15 * 24h), now) == validity::good);
    CHECK(validity_of(ending_in(14 * 24h - 1s), now) == validity::ends_soon);
    CHECK(validity_of(ending_in(3 * 24h), now) == validity::ends_soon);
    CHECK(validity_of(ending_in(3 * 24h - 1s), now) == validity::bad);
    CHECK(validity_of(ending_in(-1s), now) == validity::bad);
    auto early = ending_in(90 * 24h);
    early.begins = now + 1s;
    CHECK(validity_of(early, now) == validity::bad);
}
