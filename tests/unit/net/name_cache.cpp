// SPDX-License-Identifier: BSL-1.0
#include "snipass/net/name_cache.hpp"
#include "snipass/net/wait_error.hpp"
#include "snipass/os/error.hpp"

#include <algorithm>

#include "catch.hpp"
#include "catch_result.hpp"
#include "descriptor_limit.hpp"
#include "dns_server.hpp"
#include "run_coroutine.hpp"

using namespace snipass;
using namespace snipass::testing;
using namespace std::chrono_literals;

namespace {

const auto somebody = ip_address::parse("192.0.2.1").value();

// An address as a name is resolved without asking anybody.
net::name_cache::answer find(net::event_loop& loop, net::name_cache& cache, const char* name,
                             std::chrono::milliseconds keep = 1h) {
    net::interruption none;
    return run(loop, cache.find(name, somebody, keep, net::clock::now() + 10s, none));
}

// site is a cache whose server answers what it has replies for, when it is told to.
struct site {
    explicit site(const net::name_cache::limits& limits) { cache.set_limits(limits); }
    ~site() { loop.destroy_tasks(); }
    site(const site&) = delete;
    site& operator=(const site&) = delete;

    using found = spawned<net::name_cache::answer>;
    found ask(const std::string& name, const std::string& source, std::chrono::milliseconds patience = 10s) {
        return {loop, cache.find(name + ".", ip_address::parse(source).value(), 1h,
                                 net::clock::now() + patience, displacement)};
    }

    // names_asked for since the last time.
    std::vector<std::string> names_asked() {
        run_ready(loop);
        server.serve();
        std::vector<std::string> names;
        for (const auto& one : server.asked())
            if (std::ranges::find(names, one) == names.end() && std::ranges::find(old_, one) == old_.end())
                names.push_back(one);
        old_.insert(old_.end(), names.begin(), names.end());
        return names;
    }

    dns_server server;
    net::event_loop loop;
    net::name_cache cache{loop, server.address()};
    net::interruption displacement; // of whoever asked last

  private:
    std::vector<std::string> old_;
};

} // namespace

TEST_CASE("name_cache: a question takes no descriptor that is kept for others") {
    dns_server server;
    net::event_loop loop;
    net::name_cache cache{loop, server.address()};
    cache.set_limits({3, 4, 4, 0});
    CHECK(find(loop, cache, "www.example.com.").error() == os::make_error(EMFILE));
    server.serve();
    CHECK(server.asked().empty());
    cache.set_limits({3, 4, 4});
    server.replies["www.example.com"] = {{"192.0.2.7"}};
    net::interruption nobody;
    spawned found{loop, cache.find("www.example.com.", somebody, 1h, net::clock::now() + 10s, nobody)};
    run_until(loop, [&] {
        server.serve();
        return found.done();
    });
    CHECK(found.get().has_value());
}

TEST_CASE("name_cache: that there was no descriptor to ask with is not kept") {
    dns_server server;
    net::event_loop loop;
    net::name_cache cache{loop, server.address()};
    cache.set_limits({3, 4, 4});
    descriptor_limit none{0};
    const auto without = find(loop, cache, "www.example.com.");
    none.lift();
    CHECK(without.error() == os::make_error(EMFILE));
    server.replies["www.example.com"] = {{"192.0.2.7"}};
    net::interruption nobody;
    spawned found{loop, cache.find("www.example.com.", somebody, 1h, net::clock::now() + 10s, nobody)};
    run_until(loop, [&] {
        server.serve();
        return found.done();
    });
    CHECK(found.get().value() == std::vector{ip_address::parse("192.0.2.7").value()});
}

TEST_CASE("name_cache: an answer is kept, and never more of them than the bound") {
    net::event_loop loop;
    net::name_cache cache{loop};
    cache.set_limits({3, 4, 4});
    CHECK(find(loop, cache, "127.0.0.1").value() == std::vector{ip_address::parse("127.0.0.1").value()});
    for (const auto* name : {"127.0.0.2", "127.0.0.3", "127.0.0.1", "127.0.0.4", "127.0.0.5"}) {
        CHECK(find(loop, cache, name));
        CHECK(cache.size() <= 3);
    }
    CHECK(cache.questions() == 0);
    CHECK(cache.waiting() == 0);
    cache.set_limits({3, 0, 0}); // nobody can be asked any more
    CHECK(find(loop, cache, "127.0.0.1"));
    CHECK(find(loop, cache, "127.0.0.5"));
    const auto forgotten = find(loop, cache, "127.0.0.2"); // not asked for the longest
    REQUIRE_FALSE(forgotten);
    CHECK(forgotten.error() == os::make_error(ENOBUFS));
}

TEST_CASE("name_cache: an answer is asked for again when its time is over") {
    net::event_loop loop;
    net::name_cache cache{loop};
    cache.set_limits({3, 4, 4});
    CHECK(find(loop, cache, "127.0.0.1", 0ms));
    cache.set_limits({3, 0, 0});
    CHECK_FALSE(find(loop, cache, "127.0.0.1"));
}

TEST_CASE("name_cache: those who want the same name wait for one answer, of eight addresses at most") {
    site all{{10, 8, 8}};
    for (int i = 1; i <= 9; ++i)
        all.server.replies["www.test"].addresses.push_back("192.0.2." + std::to_string(i));
    auto first = all.ask("www.test", "192.0.2.1");
    auto again = all.ask("www.test", "192.0.2.2");
    CHECK(all.cache.questions() == 1);
    CHECK(all.cache.waiting() == 2);
    all.server.serve();
    CHECK(all.server.asked().size() == 2); // A and AAAA
    CHECK(first.get().value().size() == 8);
    CHECK(again.get().value().size() == 8);
    CHECK(all.cache.questions() == 0);
    CHECK(all.cache.waiting() == 0);
}

TEST_CASE("name_cache: where all questions are under way, the largest source's newest makes room") {
    site all{{100, 4, 100}};
    std::vector<site::found> greedy;
    for (int i = 0; i < 8; ++i)
        greedy.push_back(all.ask("greedy" + std::to_string(i) + ".test", "192.0.2.1"));
    CHECK(all.names_asked() ==
          std::vector<std::string>{"greedy0.test", "greedy1.test", "greedy2.test", "greedy3.test"});
    all.server.replies["www.test"] = {{"192.0.2.1"}};
    auto honest = all.ask("www.test", "198.51.100.1");
    CHECK(all.names_asked() == std::vector<std::string>{"www.test"});
    CHECK(all.cache.questions() == 4);
    CHECK(honest.get());
    CHECK(all.cache.waiting() == 8); // whose question made room has its turn again
    CHECK(all.names_asked() == std::vector<std::string>{"greedy4.test"});
    CHECK(std::ranges::none_of(greedy, &site::found::done));
}

TEST_CASE("name_cache: equals wait in line, the first of each source before the second of any") {
    site all{{100, 1, 100}};
    std::vector<site::found> others;
    for (const auto* const name : {"a0.test", "a1.test", "a2.test"})
        others.push_back(all.ask(name, "192.0.2.1"));
    others.push_back(all.ask("b0.test", "198.51.100.1"));
    others.push_back(all.ask("c0.test", "203.0.113.1"));
    for (const auto* const next : {"a0.test", "b0.test", "c0.test", "a1.test", "a2.test"}) {
        CHECK(all.names_asked() == std::vector<std::string>{next});
        all.server.replies[next] = {{"192.0.2.1"}};
        all.cache.set_limits({100, 1, 100}); // does nothing
        run_until(all.loop, [&, before = all.cache.waiting()] {
            all.server.serve();
            return all.cache.waiting() < before;
        });
    }
    for (auto& one : others)
        CHECK(one.get());
}

TEST_CASE("name_cache: the networks of one customer count as one source") {
    site all{{100, 2, 100}};
    std::vector<site::found> clients;
    clients.push_back(all.ask("a0.test", "2001:db8::1"));
    clients.push_back(all.ask("a1.test", "2001:db8::ffff:2"));
    clients.push_back(all.ask("a2.test", "2001:db8::3"));
    CHECK(all.names_asked() == std::vector<std::string>{"a0.test", "a1.test"});
    clients.push_back(all.ask("b0.test", "2001:db8:0:1::1"));
    CHECK(all.names_asked() == std::vector<std::string>{"b0.test"});
}

TEST_CASE("name_cache: a question that nobody waits for goes on while there is room, and no longer") {
    site all{{100, 1, 100}};
    while (all.cache.questions() == 0) // a busy machine may take longer to begin
        CHECK(all.ask("slow.test", "192.0.2.1", 1ms).get().error() == net::wait_error::timed_out);
    SECTION("its answer is known to the next client") {
        all.server.replies["slow.test"] = {{"192.0.2.1"}};
        run_until(all.loop, [&] {
            all.server.serve();
            return all.cache.questions() == 0;
        });
        all.cache.set_limits({100, 0, 0});
        CHECK(all.ask("slow.test", "192.0.2.2").get());
    }
    SECTION("the next client of the same name waits for it") {
        auto again = all.ask("slow.test", "192.0.2.2");
        CHECK(all.cache.questions() == 1);
        auto other = all.ask("www.test", "192.0.2.2");
        CHECK(all.names_asked() == std::vector<std::string>{"slow.test"});
    }
    SECTION("another name takes its place") {
        auto other = all.ask("www.test", "192.0.2.2");
        CHECK(all.names_asked() == std::vector<std::string>{"slow.test", "www.test"});
        CHECK(all.cache.questions() == 1);
    }
    SECTION("and so does one in line") {
        auto impatient = all.ask("b.test", "192.0.2.1", 50ms);
        auto other = all.ask("www.test", "192.0.2.2");
        CHECK(impatient.get().error() == net::wait_error::timed_out);
        CHECK(all.names_asked() == std::vector<std::string>{"slow.test", "b.test", "www.test"});
    }
}

TEST_CASE("name_cache: where too many wait, the newest client of the largest source is turned away") {
    site all{{100, 1, 3}};
    std::vector<site::found> greedy;
    for (int i = 0; i < 3; ++i)
        greedy.push_back(all.ask("greedy" + std::to_string(i) + ".test", "192.0.2.1"));
    auto other = all.ask("www.test", "198.51.100.1");
    CHECK(greedy[2].get().error() == os::make_error(ENOBUFS));
    run_ready(all.loop);
    CHECK(all.cache.waiting() == 3);
    CHECK_FALSE(other.done());
    auto more = all.ask("more.test", "192.0.2.1");
    CHECK(more.get().error() == os::make_error(ENOBUFS));
    CHECK_FALSE(greedy[1].done());
}

TEST_CASE("name_cache: a client that is interrupted waits no longer") {
    site all{{10, 4, 4}};
    auto client = all.ask("slow.test", "192.0.2.1");
    run_ready(all.loop);
    CHECK_FALSE(client.done());
    all.displacement.come();
    CHECK(client.get().error() == net::wait_error::cancelled);
    CHECK(all.cache.waiting() == 0);
    CHECK(all.ask("other.test", "192.0.2.1").get().error() == net::wait_error::cancelled);
}

TEST_CASE("name_cache: a name that is forgotten while it is asked for still has its answer") {
    site all{{1, 4, 4}};
    auto first = all.ask("a.test", "192.0.2.1");
    auto second = all.ask("b.test", "192.0.2.2");
    CHECK(all.cache.size() == 1);
    all.server.replies["a.test"] = all.server.replies["b.test"] = {{"192.0.2.1"}};
    all.server.serve();
    CHECK(first.get());
    CHECK(second.get());
}
