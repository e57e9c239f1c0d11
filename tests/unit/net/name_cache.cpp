// SPDX-License-Identifier: BSL-1.0
#include "snipass/net/name_cache.hpp"
#include "snipass/os/error.hpp"

#include "catch.hpp"
#include "catch_result.hpp"
#include "run_coroutine.hpp"

using namespace snipass;
using namespace snipass::testing;
using namespace std::chrono_literals;

namespace {

const auto somebody = ip_address::parse("192.0.2.1").value();

// An address as a name is resolved without asking anybody.
net::name_cache::answer find(net::event_loop& loop, net::name_cache& cache, const char* name,
                             std::chrono::milliseconds keep = 1h) {
    return run(loop, cache.find(name, somebody, keep, net::clock::now() + 10s));
}

} // namespace

TEST_CASE("name_cache: an answer is kept, and never more of them than the bound") {
    net::event_loop loop;
    net::name_cache cache{loop};
    cache.set_limits(3, 4);
    CHECK(find(loop, cache, "127.0.0.1").value() == std::vector{ip_address::parse("127.0.0.1").value()});
    for (const auto* name : {"127.0.0.2", "127.0.0.3", "127.0.0.1", "127.0.0.4", "127.0.0.5"}) {
        CHECK(find(loop, cache, name));
        CHECK(cache.size() <= 3);
    }
    CHECK(cache.questions() == 0);
    cache.set_limits(3, 0); // nobody can be asked any more
    CHECK(find(loop, cache, "127.0.0.1"));
    CHECK(find(loop, cache, "127.0.0.5"));
    const auto forgotten = find(loop, cache, "127.0.0.2"); // not asked for the longest
    REQUIRE_FALSE(forgotten);
    CHECK(forgotten.error() == os::make_error(ENOBUFS));
}

TEST_CASE("name_cache: an answer is asked for again when its time is over") {
    net::event_loop loop;
    net::name_cache cache{loop};
    cache.set_limits(3, 4);
    CHECK(find(loop, cache, "127.0.0.1", 0ms));
    cache.set_limits(3, 0);
    CHECK_FALSE(find(loop, cache, "127.0.0.1"));
}

TEST_CASE("name_cache: those who want the same name wait for one answer, and questions have a bound") {
    net::event_loop loop;
    net::name_cache cache{loop};
    cache.set_limits(10, 8);
    const auto deadline = net::clock::now() + 10s;
    const auto ask = [&](const char* name, const ip_address& source) {
        return spawned<net::name_cache::answer>{loop, cache.find(name, source, 1h, deadline)};
    };
    auto first = ask("127.0.0.1", somebody);
    auto again = ask("127.0.0.1", somebody);
    CHECK(cache.questions() == 1);
    auto second = ask("127.0.0.2", somebody);
    CHECK(cache.questions() == 2);
    auto third = ask("127.0.0.3", somebody); // a quarter of eight is one source's share
    CHECK(third.get().error() == os::make_error(ENOBUFS));
    std::vector<spawned<net::name_cache::answer>> others;
    for (int i = 0; i < 6; ++i) {
        const auto name = "127.0.1." + std::to_string(i);
        others.push_back(ask(name.c_str(), ip_address::parse("198.51.100." + std::to_string(i)).value()));
    }
    CHECK(cache.questions() == 8);
    auto last = ask("127.0.0.9", ip_address::parse("203.0.113.1").value());
    CHECK(last.get().error() == os::make_error(ENOBUFS));
    CHECK(first.get());
    CHECK(again.get());
    CHECK(second.get());
    for (auto& one : others)
        CHECK(one.get());
    CHECK(cache.questions() == 0);
}

TEST_CASE("name_cache: the networks of one customer count as one source") {
    net::event_loop loop;
    net::name_cache cache{loop};
    cache.set_limits(10, 4);
    const auto deadline = net::clock::now() + 10s;
    spawned<net::name_cache::answer> first{
        loop, cache.find("127.0.0.1", ip_address::parse("2001:db8::1").value(), 1h, deadline)};
    spawned<net::name_cache::answer> second{
        loop, cache.find("127.0.0.2", ip_address::parse("2001:db8::ffff:2").value(), 1h, deadline)};
    spawned<net::name_cache::answer> other{
        loop, cache.find("127.0.0.2", ip_address::parse("2001:db8:0:1::1").value(), 1h, deadline)};
    CHECK(first.get());
    CHECK_FALSE(second.get());
    CHECK(other.get());
}
