// SPDX-License-Identifier: BSL-1.0
#include "snipass/net/relay_group.hpp"
#include "snipass/os/buffers.hpp"

#include "catch.hpp"
#include "relaying.hpp"
#include "sockets.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <thread>
#include <vector>

namespace {

using namespace snipass;
using namespace snipass::testing;
using namespace std::chrono_literals;
using net::relay_end;
using net::relay_side;

void wait_until_arrived(const os::unique_fd& from) {
    while (os::unsent(from.get()) > 0)
        std::this_thread::yield();
}

// Each behaviour holds whichever side begins, over TCP and over unix.
struct seats {
    socket_pair client;
    socket_pair backend;
    const char* name;
};

std::vector<seats> tables() {
    std::vector<seats> all;
    all.push_back({tcp_pair(), tcp_pair(), "TCP to TCP"});
    all.push_back({tcp_pair(), unix_pair(), "TCP to unix"});
    return all;
}

} // namespace

TEST_CASE("relay passes what each side says to the other") {
    relaying here;
    for (auto& [client, backend, name] : tables()) {
        INFO(name);
        say(client.near, "unread before the relay began");
        auto end = here.start(client, backend);
        CHECK(hear_some(backend.near, 29) == "unread before the relay began");
        say(backend.near, "an answer");
        CHECK(hear_some(client.near, 9) == "an answer");
        say(client.near, "more");
        CHECK(hear_some(backend.near, 4) == "more");
        say_end(client.near);
        say_end(backend.near);
        const auto how = result_of(end);
        CHECK(how.end == relay_end::finished);
        CHECK(how.to_backend == 33);
        CHECK(how.to_client == 9);
    }
}

TEST_CASE("relay passes a FIN and goes on in the other direction") {
    relaying here;
    for (const bool client_first : {true, false}) {
        for (auto& [client, backend, name] : tables()) {
            INFO(name << ", client first: " << client_first);
            auto end = here.start(client, backend);
            const auto& first = client_first ? client.near : backend.near;
            const auto& second = client_first ? backend.near : client.near;
            say(first, "question");
            say_end(first);
            const auto question = hear(second);
            CHECK(question.text == "question");
            CHECK(question.end == "FIN");
            const auto answer = noise(3'000'000, 1);
            std::jthread speaker{[&] {
                say(second, answer);
                say_end(second);
            }};
            const auto got = hear(first);
            CHECK(got.text == answer);
            CHECK(got.end == "FIN");
            const auto how = result_of(end);
            CHECK(how.end == relay_end::finished);
            CHECK(how.closed_first == (client_first ? relay_side::client : relay_side::backend));
        }
    }
}

TEST_CASE("relay passes an RST as an RST") {
    relaying here;
    for (const bool client_first : {true, false}) {
        INFO("client first: " << client_first);
        auto client = tcp_pair();
        auto backend = tcp_pair();
        auto end = here.start(client, backend);
        auto& first = client_first ? client.near : backend.near;
        const auto& second = client_first ? backend.near : client.near;
        say(second, "x");
        CHECK(hear_some(first, 1) == "x");
        reset(std::move(first));
        CHECK(hear(second).end == "RST");
        CHECK(result_of(end).end == (client_first ? relay_end::client_reset : relay_end::backend_reset));
    }
}

TEST_CASE("relay delivers what came before an RST") {
    relaying here;
    for (const bool client_first : {true, false}) {
        for (const std::size_t size : {5U, 200'000U, 1'000'000U}) {
            INFO("client first: " << client_first << ", " << size << " bytes");
            auto client = tcp_pair();
            auto backend = tcp_pair();
            auto& first = client_first ? client.near : backend.near;
            const auto& second = client_first ? backend.near : client.near;
            // Unread in the router's socket when the RST comes: a peer's own send queue would be lost with
            // it.
            set_buffers(client_first ? client.far : backend.far, 4'000'000, 4'000'000);
            set_buffers(client_first ? client.near : backend.near, 4'000'000, 4'000'000);
            const auto words = noise(size, 2);
            say(first, words);
            wait_until_arrived(first);
            reset(std::move(first));
            auto end = here.start(client, backend);
            std::this_thread::sleep_for(50ms); // a slow reader: the RST must not overtake
            const auto got = hear(second);
            CHECK(got.text == words);
            CHECK(got.end == "RST");
            CHECK(result_of(end).closed_first == (client_first ? relay_side::client : relay_side::backend));
        }
    }
}

TEST_CASE("relay passes an RST to a side that writes and does not read, and delivers what came before") {
    for (const bool client_resets : {true, false}) {
        INFO(client_resets);
        relaying here;
        auto client = tcp_pair();
        auto backend = tcp_pair();
        auto end = here.start(client, backend);
        auto& dead = client_resets ? client.near : backend.near;
        auto& survivor = client_resets ? backend.near : client.near;
        const auto before = noise(1'000'000, 7);
        say(dead, before);
        wait_until_arrived(dead);
        fill(survivor);
        reset(std::move(dead));
        say(survivor, noise(20'000'000, 8)); // goes nowhere, but has to be taken
        const auto got = hear(survivor);
        CHECK(got.text == before);
        CHECK(got.end == "RST");
        CHECK(result_of(end).end == (client_resets ? relay_end::client_reset : relay_end::backend_reset));
    }
}

TEST_CASE("relay passes an RST to a side that takes nothing any more") {
    relaying here;
    auto client = tcp_pair();
    auto backend = tcp_pair();
    auto end = here.start(client, backend);
    fill(client.near);
    reset(std::move(client.near));
    CHECK(result_of(end).end == relay_end::client_reset); // within seconds, and without any limit
}

TEST_CASE("relay passes an RST that follows a FIN") {
    relaying here;
    auto client = tcp_pair();
    auto backend = tcp_pair();
    auto end = here.start(client, backend);
    say(client.near, "question");
    say_end(client.near);
    CHECK(hear(backend.near).end == "FIN");
    say(backend.near, "unread");
    CHECK(hear_some(client.near, 1) == "u");
    reset(std::move(client.near));
    // The second write meets the RST.
    char byte = 0;
    while (::send(backend.near.get(), &byte, 1, MSG_NOSIGNAL) == 1)
        std::this_thread::sleep_for(1ms);
    CHECK(errno == EPIPE); // so a socket that has had a FIN reports an RST; without one, writing would go on
    CHECK(result_of(end).end == relay_end::client_reset);
}

TEST_CASE("relay tells a backend on a unix socket that the client is gone") {
    relaying here;
    auto client = tcp_pair();
    auto backend = unix_pair();
    auto end = here.start(client, backend);
    say(client.near, "question");
    CHECK(hear_some(backend.near, 8) == "question");
    reset(std::move(client.near));
    CHECK(hear(backend.near).end != "nothing");
    CHECK(result_of(end).end == relay_end::client_reset);
}

TEST_CASE("relay passes urgent data in their place, both ways") {
    const auto speak = [](const os::unique_fd& to, const std::string& words, std::size_t chunk) {
        for (std::size_t at = 0; at < words.size(); at += chunk) {
            const auto part = words.substr(at, chunk);
            say(to, part.substr(0, part.size() - 1));
            REQUIRE(::send(to.get(), &part.back(), 1, MSG_OOB | MSG_NOSIGNAL) == 1);
        }
    };
    for (const bool from_client : {true, false})
        for (const bool is_shared : {false, true})
            for (const std::size_t chunk : {1U, 10U, 300'000U}) {
                INFO("from client: " << from_client << ", shared: " << is_shared << ", chunk: " << chunk);
                relaying here;
                auto client = tcp_pair();
                auto backend = tcp_pair();
                auto& from = from_client ? client.near : backend.near;
                auto& to = from_client ? backend.near : client.near;
                speak(from, "before the relay", 16);
                auto end = here.start(client, backend, {}, is_shared);
                CHECK(hear_some(to, 16) == "before the relay");
                const auto words = noise(chunk == 1 ? 1'000 : 20 * chunk, 6);
                std::jthread speaker{[&] {
                    speak(from, words, chunk);
                    say_end(from);
                }};
                const auto got = hear(to);
                CHECK(got.text.size() == words.size());
                CHECK(got.text == words);
                CHECK(got.end == "FIN");
                say_end(to);
                CHECK(result_of(end).end == relay_end::finished);
            }
}

TEST_CASE("relay carries bulk both ways at once, whole") {
    const auto question = noise(20'000'000, 3);
    const auto answer = noise(20'000'000, 4);
    for (const std::size_t max_pipes : {64U, 1U, 0U}) {
        relaying here{max_pipes};
        for (auto& [client, backend, name] : tables()) {
            INFO(name << ", " << max_pipes << " pipes");
            auto end = here.start(client, backend);
            const auto speak = [](const os::unique_fd& to, const std::string& words) {
                say(to, words);
                say_end(to);
            };
            std::jthread asking{[&, &to = client.near] { speak(to, question); }};
            std::jthread answering{[&, &to = backend.near] { speak(to, answer); }};
            auto at_backend =
                std::async(std::launch::async, [&from = backend.near] { return hear(from).text; });
            CHECK((hear(client.near).text == answer)); // not to be printed
            CHECK((at_backend.get() == question));
            CHECK(result_of(end).end == relay_end::finished);
            CHECK(here.ask([](auto& group) { return group.pipes().lent(); }) == 0);
        }
    }
}

// Not time is counted, but what others were served meanwhile.
TEST_CASE("relay: who says little is heard between two portions of others' bulk") {
    relaying here;
    constexpr std::size_t others = 6;
    std::atomic<std::uint64_t> passed = 0;
    std::vector<socket_pair> clients(others);
    std::vector<socket_pair> backends(others);
    std::vector<std::future<net::relay_result>> ends;
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < others; ++i) {
        clients[i] = tcp_pair();
        backends[i] = tcp_pair();
        ends.push_back(here.start(clients[i], backends[i]));
        threads.emplace_back([&from = backends[i].near, &passed] {
            std::string heard(1U << 20, '\0');
            for (ssize_t n = 1; n > 0;) {
                n = ::recv(from.get(), heard.data(), heard.size(), 0);
                passed += static_cast<std::uint64_t>(std::max<ssize_t>(n, 0));
            }
        });
        threads.emplace_back([&to = clients[i].near](const std::stop_token& stop) {
            const std::string words(1'000'000, '.');
            while (!stop.stop_requested())
                say(to, words);
            say_end(to);
        });
    }
    auto client = tcp_pair();
    auto backend = tcp_pair();
    auto end = here.start(client, backend);
    while (passed < 100'000'000)
        std::this_thread::sleep_for(1ms);
    std::vector<std::uint64_t> meanwhile;
    for (int i = 0; i < 31; ++i) {
        const auto before = passed.load();
        say(client.near, "x");
        REQUIRE(hear_some(backend.near, 1) == "x");
        meanwhile.push_back(passed - before);
    }
    std::ranges::nth_element(meanwhile, meanwhile.begin() + 15);
    CHECK(meanwhile[15] < 16'000'000); // what fills a pipe is 4
    for (std::size_t i = 0; i < others; ++i)
        threads[2 * i + 1].request_stop();
    threads.clear();
}

TEST_CASE("relay holds pipes only while bytes lie in them, and within the bound") {
    relaying here{1};
    auto client = tcp_pair();
    auto backend = tcp_pair();
    set_buffers(backend.near, 100'000, 100'000);
    auto end = here.start(client, backend);
    const auto lent = [](auto& group) { return group.pipes().lent(); };
    CHECK(here.ask(lent) == 0);
    const auto words = noise(12'000'000, 5);
    std::jthread asking{[&] {
        say(client.near, words);
        say_end(client.near);
    }};
    while (here.ask(lent) == 0) // the backend does not read
        std::this_thread::sleep_for(1ms);
    auto other_client = tcp_pair();
    auto other_backend = tcp_pair();
    auto other_end = here.start(other_client, other_backend);
    const auto others = noise(1'000'000, 6);
    std::jthread other_asking{[&] {
        say(other_client.near, others);
        say_end(other_client.near);
        say_end(other_backend.near);
    }};
    CHECK((hear(other_backend.near).text == others)); // without a pipe
    CHECK(here.ask(lent) == 1);
    say_end(backend.near);
    CHECK((hear(backend.near).text == words));
    CHECK(result_of(end).end == relay_end::finished);
    CHECK(result_of(other_end).end == relay_end::finished);
    CHECK(here.ask(lent) == 0);
}

TEST_CASE("relay ends an idle session with RST on both sides") {
    relaying here;
    auto client = tcp_pair();
    auto backend = tcp_pair();
    auto end = here.start(client, backend, {.idle_timeout = 30ms});
    CHECK(hear(client.near).end == "RST");
    CHECK(hear(backend.near).end == "RST");
    const auto how = result_of(end);
    CHECK(how.end == relay_end::idle);
    CHECK(!how.closed_first);
}

TEST_CASE("relay ends a session that is busy at max_lifetime") {
    relaying here;
    auto client = tcp_pair();
    auto backend = tcp_pair();
    auto end = here.start(client, backend, {.idle_timeout = 10s, .max_lifetime = 60ms});
    const char byte = 0;
    while (::send(client.near.get(), &byte, 1, MSG_NOSIGNAL) == 1)
        std::this_thread::sleep_for(1ms);
    CHECK(result_of(end).end == relay_end::lifetime);
}

TEST_CASE("relay: only what follows the first bytes has to be sent at once, and is") {
    relaying here;
    auto client = tcp_pair();
    auto backend = tcp_pair();
    os::unique_fd copy{::fcntl(backend.far.get(), F_DUPFD_CLOEXEC, 0)};
    const auto is_sent_at_once = [&copy] {
        int on = 0;
        socklen_t size = sizeof on;
        REQUIRE(::getsockopt(copy.get(), IPPROTO_TCP, TCP_NODELAY, &on, &size) == 0);
        return on != 0;
    };
    auto end = here.start(client, backend);
    say(client.near, "first");
    CHECK(hear_some(backend.near, 5) == "first");
    say(backend.near, "answer");
    CHECK(hear_some(client.near, 6) == "answer");
    CHECK_FALSE(is_sent_at_once());
    say(client.near, "second");
    CHECK(hear_some(backend.near, 6) == "second");
    CHECK(is_sent_at_once());
    copy.reset(); // what is closed is to leave epoll
    say_end(client.near);
    say_end(backend.near);
    CHECK(result_of(end).end == relay_end::finished);
}

// Flags belong to the open socket, which a process that was offered the client may still have.
TEST_CASE("relay of a client that others have a copy of is not held up when they make it blocking") {
    relaying here;
    auto client = tcp_pair();
    auto backend = tcp_pair();
    const os::unique_fd copy{::fcntl(client.far.get(), F_DUPFD_CLOEXEC, 0)};
    auto end = here.start(client, backend, {}, true);
    REQUIRE(::fcntl(copy.get(), F_SETFL, 0) == 0);
    const auto bulk = noise(4'000'000, 1);
    std::jthread talker{[&] {
        say(backend.near, bulk); // nobody reads it yet
        say(client.near, bulk);
    }};
    for (int i = 0; i < 50; ++i) { // the loop is there for others
        here.call([] {});
        std::this_thread::sleep_for(2ms);
    }
    std::string got;
    std::jthread listener{[&] { got = hear(client.near).text; }};
    const auto lent = here.ask([](const net::relay_group& group) { return group.pipes().lent(); });
    CHECK(lent == 0);
    std::string up(bulk.size(), '\0');
    REQUIRE(::recv(backend.near.get(), up.data(), up.size(), MSG_WAITALL) == static_cast<ssize_t>(up.size()));
    CHECK(up == bulk);
    talker.join();
    say_end(backend.near);
    listener.join();
    CHECK(got == bulk);
    say_end(client.near);
    CHECK(result_of(end).end == relay_end::finished);
}

TEST_CASE("relay sends the last bytes and the FIN behind them as one segment") {
    relaying here;
    for (const bool client_first : {true, false}) {
        INFO("client first: " << client_first);
        auto client = tcp_pair();
        auto backend = tcp_pair();
        auto end = here.start(client, backend);
        const auto& first = client_first ? client.near : backend.near;
        const auto& second = client_first ? backend.near : client.near;
        const auto before = segments_received(second);
        here.call([&] { // so that both are there when the relay looks
            say(first, "last words");
            say_end(first);
        });
        const auto got = hear(second);
        CHECK(got.text == "last words");
        CHECK(got.end == "FIN");
        CHECK(segments_received(second) == before + 1);
        say(second, "an answer all the same");
        say_end(second);
        CHECK(hear(first).text == "an answer all the same");
        CHECK(result_of(end).end == relay_end::finished);
    }
}

TEST_CASE("relay has the kernel watch the peers of a session that lives on") {
    relaying here;
    auto client = tcp_pair();
    auto backend = tcp_pair();
    const os::unique_fd client_side{::dup(client.far.get())}; // the relay's own
    const os::unique_fd backend_side{::dup(backend.far.get())};
    auto end = here.start(client, backend, {.keepalive = 70s, .user_timeout = 100ms});
    for (const auto* one : {&client_side, &backend_side})
        CHECK(option(*one, SOL_SOCKET, SO_KEEPALIVE) == 0); // six calls, for nothing if it is short
    for (const auto* one : {&client_side, &backend_side}) {
        for (int i = 0; i < 2000 && option(*one, SOL_SOCKET, SO_KEEPALIVE) == 0; ++i)
            std::this_thread::sleep_for(5ms);
        here.call([] {}); // all of them are set
        CHECK(option(*one, SOL_SOCKET, SO_KEEPALIVE) == 1);
        CHECK(option(*one, IPPROTO_TCP, TCP_KEEPIDLE) == 70);
        CHECK(option(*one, IPPROTO_TCP, TCP_USER_TIMEOUT) == 100);
    }
    say(client.near, "still here");
    CHECK(hear_some(backend.near, 10) == "still here");
}

TEST_CASE("relay_group ends one of its relays while it is told of others") {
    relaying here;
    std::vector<socket_pair> clients;
    std::vector<socket_pair> backends;
    std::vector<std::future<net::relay_result>> ends;
    for (int i = 0; i < 20; ++i) {
        clients.push_back(tcp_pair());
        backends.push_back(tcp_pair());
        ends.push_back(here.start(clients.back(), backends.back()));
    }
    here.call([&] { // both events of each relay come at once, and the first ends it
        for (int i = 0; i < 20; ++i) {
            reset(std::move(clients[static_cast<std::size_t>(i)].near));
            reset(std::move(backends[static_cast<std::size_t>(i)].near));
        }
    });
    for (auto& end : ends)
        CHECK(result_of(end).closed_first);
    CHECK(here.ask([](auto& group) { return group.size(); }) == 0);
}

TEST_CASE("relay_group ends those it is told to end, with RST") {
    relaying here;
    auto client = tcp_pair();
    auto backend = tcp_pair();
    auto end = here.start(client, backend);
    CHECK(here.ask([](auto& group) { return group.size(); }) == 1);
    here.call([] {});
    here.ask([](auto& group) {
        group.end_if([](const net::relay&) { return true; }, relay_end::removed);
        return 0;
    });
    CHECK(hear(client.near).end == "RST");
    CHECK(hear(backend.near).end == "RST");
    CHECK(result_of(end).end == relay_end::removed);
    CHECK(here.ask([](auto& group) { return group.size(); }) == 0);
}

TEST_CASE("relay leaves no descriptor behind, and an idle one has two") {
    const auto before = open_descriptors();
    {
        relaying here;
        const auto with_group = open_descriptors();
        std::vector<socket_pair> kept;
        for (int i = 0; i < 20; ++i) {
            auto client = tcp_pair();
            auto backend = tcp_pair();
            (void)here.start(client, backend);
            kept.push_back(std::move(client));
            kept.push_back(std::move(backend));
        }
        for (const auto& one : kept) {
            say(one.near, "x");
        }
        for (const auto& one : kept)
            CHECK(hear_some(one.near, 1) == "x");
        const auto kept_pipes = 2 * here.ask([](auto& group) { return group.pipes().kept(); });
        CHECK(open_descriptors() ==
              with_group + kept_pipes + 20 * (2 + 2)); // the test's ends, and the relay's
        CHECK(kept_pipes <= 32);
    }
    CHECK(open_descriptors() == before);
}

TEST_CASE("an idle relay is small") {
    CHECK(sizeof(net::relay) <= 384);
}
