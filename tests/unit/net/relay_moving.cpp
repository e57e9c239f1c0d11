// SPDX-License-Identifier: BSL-1.0
// A relay goes from one loop to another, as from one process to the next.
#include "snipass/net/relay_group.hpp"
#include "snipass/os/tcp.hpp"

#include "catch.hpp"
#include "catch_result.hpp"
#include "relaying.hpp"
#include "sockets.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <chrono>
#include <future>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace snipass;
using namespace snipass::testing;
using namespace std::chrono_literals;
using net::relay_end;
using net::relay_side;

// What is on its way: copies of a relay's descriptors, and what it knew.
struct luggage {
    upgrade::relay known;
    std::vector<os::unique_fd> descriptors;
};

luggage leave(relaying& from) {
    luggage all;
    from.call([&] {
        from.group().for_each([&](const net::relay& one) {
            all.known = one.state();
            std::vector<int> numbers;
            one.add_descriptors(numbers);
            for (const int fd : numbers)
                all.descriptors.emplace_back(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
        });
        CHECK(from.group().prepare_some(from.group().size()));
        from.group().let_go();
    });
    from.end_loop();
    from.call([&] { from.group().end_all(relay_end::stopped); });
    return all;
}

class moved_relay final : kept_limits, public net::relay {
  public:
    moved_relay(net::relay_sockets sockets, net::relay_pipes pipes, const upgrade::relay& before,
                const net::relay_options& given, std::promise<net::relay_result> told)
        : kept_limits{given}, relay(std::move(sockets), std::move(pipes), before, limits),
          told_(std::move(told)) {}

  private:
    void ended(const net::relay_result& how) override { told_.set_value(how); }

    std::promise<net::relay_result> told_;
};

os::pipe pipe_of(const upgrade::direction& way, std::vector<os::unique_fd>::iterator& from) {
    if (way.in_pipe == 0)
        return {};
    auto read_end = std::move(*from++);
    auto write_end = std::move(*from++);
    auto made = os::adopt_pipe(std::move(read_end), std::move(write_end), way.in_pipe);
    REQUIRE(made);
    return std::move(*made);
}

// arrive: `begun` gets what it knows before it has heard anything.
std::future<net::relay_result> arrive(relaying& at, luggage all, const net::relay_options& limits = {},
                                      upgrade::relay* begun = nullptr) {
    std::promise<net::relay_result> told;
    auto future = told.get_future();
    auto from = all.descriptors.begin();
    auto client = std::move(*from++);
    auto backend = std::move(*from++);
    net::relay_pipes pipes;
    pipes.to_backend = pipe_of(all.known.to_backend, from);
    pipes.to_client = pipe_of(all.known.to_client, from);
    REQUIRE(from == all.descriptors.end());
    std::unique_ptr<net::relay> one = std::make_unique<moved_relay>(
        net::relay_sockets{std::move(client), std::move(backend), all.known.client_is_shared,
                           all.known.backend_is_tcp},
        std::move(pipes), all.known, limits, std::move(told));
    at.call([&] {
        auto& relay = *one;
        REQUIRE(!at.group().start(one));
        if (begun != nullptr)
            *begun = relay.state();
    });
    return future;
}

} // namespace

TEST_CASE("a relay that moves loses no byte, doubles none, and keeps their order") {
    for (const bool is_shared : {false, true}) {
        auto client = tcp_pair();
        auto backend = tcp_pair();
        const auto request = noise(24U << 20, 1);
        const auto answer = noise(24U << 20, 2);
        std::vector<std::unique_ptr<relaying>> loops;
        loops.push_back(std::make_unique<relaying>());
        (void)loops.back()->start(client, backend, {}, is_shared);
        std::jthread client_says{[&] { say(client.near, request); }};
        std::jthread backend_says{[&] { say(backend.near, answer); }};
        auto client_hears =
            std::async(std::launch::async, [&] { return hear_some(client.near, answer.size()); });
        auto backend_hears =
            std::async(std::launch::async, [&] { return hear_some(backend.near, request.size()); });
        std::future<net::relay_result> end;
        for (int i = 0; i < 20; ++i) {
            auto all = leave(*loops.back());
            loops.push_back(std::make_unique<relaying>());
            end = arrive(*loops.back(), std::move(all));
        }
        CHECK((client_hears.get() == answer));
        CHECK((backend_hears.get() == request));
        say_end(client.near);
        say_end(backend.near);
        const auto how = result_of(end);
        CHECK(how.end == relay_end::finished);
        CHECK(how.to_backend == request.size());
        CHECK(how.to_client == answer.size());
        for (auto& one : loops)
            CHECK(one->ask([](auto& group) {
                return group.pipes().lent() + group.size() + group.buffered();
            }) == 0);
    }
}

TEST_CASE("what lies in a relay's pipe moves with it") {
    auto client = tcp_pair();
    auto backend = tcp_pair();
    relaying first;
    (void)first.start(client, backend);
    fill(client.near); // the backend takes nothing
    auto all = leave(first);
    REQUIRE(all.known.to_backend.in_pipe > 0);
    CHECK(all.descriptors.size() == 4);
    const auto passed = all.known.to_backend.bytes;
    relaying second;
    auto end = arrive(second, std::move(all));
    CHECK(second.ask([](auto& group) { return group.pipes().lent(); }) == 1);
    say_end(client.near);
    say_end(backend.near);
    const auto heard = hear(backend.near);
    CHECK(heard.end == "FIN");
    CHECK(heard.text.size() > passed);
    CHECK(heard.text.find_first_not_of('.') == std::string::npos);
    CHECK(result_of(end).to_backend == heard.text.size());
}

TEST_CASE("a relay moves half-closed, either way") {
    for (const auto first_to_close : {relay_side::client, relay_side::backend}) {
        auto client = tcp_pair();
        auto backend = tcp_pair();
        relaying first;
        (void)first.start(client, backend);
        const bool is_client = first_to_close == relay_side::client;
        const auto& early = is_client ? client.near : backend.near;
        const auto& late = is_client ? backend.near : client.near;
        say(early, "all that I have to say");
        say_end(early);
        CHECK(hear(late).end == "FIN");
        relaying second;
        auto end = arrive(second, leave(first));
        say(late, "and I, too");
        say_end(late);
        const auto heard = hear(early);
        CHECK(heard.text == "and I, too");
        CHECK(heard.end == "FIN");
        const auto how = result_of(end);
        CHECK(how.end == relay_end::finished);
        CHECK(how.closed_first == first_to_close);
    }
}

TEST_CASE("an end that comes while a relay moves is passed on") {
    auto client = tcp_pair();
    auto backend = tcp_pair();
    relaying first;
    (void)first.start(client, backend);
    auto all = leave(first);
    say(backend.near, "a last word");
    reset(std::move(backend.near));
    relaying second;
    auto end = arrive(second, std::move(all));
    CHECK(hear(client.near).end == "RST");
    CHECK(result_of(end).end == relay_end::backend_reset);
}

TEST_CASE("a relay's deadlines go on while it moves") {
    const net::relay_options limits{.idle_timeout = 10min, .max_lifetime = 60min};
    const auto end_after = [&](const auto& change) {
        auto client = tcp_pair();
        auto backend = tcp_pair();
        relaying first;
        (void)first.start(client, backend, limits);
        auto all = leave(first);
        change(all.known);
        relaying second;
        auto end = arrive(second, std::move(all), limits);
        return result_of(end).end;
    };
    const auto minutes = [](int count) {
        return std::chrono::nanoseconds{std::chrono::minutes{count}}.count();
    };
    CHECK(end_after([&](auto& one) { one.last_byte -= minutes(11); }) == relay_end::idle);
    CHECK(end_after([&](auto& one) { one.started -= minutes(61); }) == relay_end::lifetime);
}

TEST_CASE("a relay that has moved knows what it knew") {
    auto client = tcp_pair();
    auto backend = tcp_pair();
    relaying first;
    (void)first.start(client, backend);
    say(client.near, "something");
    REQUIRE(hear_some(backend.near, 9) == "something");
    say_end(client.near);
    REQUIRE(hear(backend.near).end == "FIN");
    auto all = leave(first);
    auto before = all.known;
    before.looked_at -= 5;
    before.peers_are_watched = true;
    before.to_client.looks = 3;
    before.to_client.left = 17;
    before.to_client.due = 19;
    before.client.is_bounded = true;
    before.backend.is_full_grown = true;
    before.backend.buffered = 4'096;
    all.known = before;
    relaying second;
    upgrade::relay after;
    auto end = arrive(second, std::move(all), {}, &after);
    CHECK(after.started == before.started);
    CHECK(after.last_byte == before.last_byte);
    CHECK(after.looked_at == before.looked_at);
    CHECK(after.to_backend.is_over);
    CHECK_FALSE(after.to_client.is_over);
    CHECK(after.to_backend.bytes == 9);
    CHECK(after.closed_first == "client");
    CHECK(after.peers_are_watched);
    CHECK(after.to_client.looks == 3);
    CHECK(after.to_client.left == 17);
    CHECK(after.to_client.due == 19);
    CHECK(after.client.is_bounded);
    CHECK(after.backend.is_full_grown);
    CHECK(second.ask([](auto& group) { return group.buffered(); }) == 4'096);
}

TEST_CASE("relays that nobody takes over end with RST on both sides") {
    auto client = tcp_pair();
    auto backend = tcp_pair();
    relaying first;
    (void)first.start(client, backend);
    auto all = leave(first);
    CHECK(first.ask([](auto& group) { return group.size(); }) == 0);
    all.descriptors.clear();
    CHECK(hear(client.near).end == "RST");
    CHECK(hear(backend.near).end == "RST");
}
