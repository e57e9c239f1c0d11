// SPDX-License-Identifier: BSL-1.0
#include "snipass/net/relay_group.hpp"
#include "snipass/os/buffers.hpp"

#include "catch.hpp"
#include "relaying.hpp"
#include "sockets.hpp"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <thread>

namespace {

using namespace snipass;
using namespace snipass::testing;
using namespace std::chrono_literals;
using net::relay_end;

constexpr std::size_t mebibyte = 1U << 20;

// A side that speaks for as long as somebody listens.
std::jthread speaker(const os::unique_fd& to) {
    return std::jthread{[&to](const std::stop_token& stop) {
        const std::string words(mebibyte, '.');
        while (!stop.stop_requested() && ::send(to.get(), words.data(), words.size(), MSG_NOSIGNAL) > 0)
            ;
    }};
}

void hear_bulk(const os::unique_fd& from, std::size_t size) {
    std::string room(mebibyte, '\0');
    for (std::size_t heard = 0; heard < size;) {
        const auto n = ::recv(from.get(), room.data(), room.size(), 0);
        REQUIRE(n > 0);
        heard += static_cast<std::size_t>(n);
    }
}

// What lies unread in a socket that nobody reads, once it is full.
int full(const os::unique_fd& fd) {
    int before = -1;
    int now = 0;
    while (now != before) {
        std::this_thread::sleep_for(300ms);
        before = now;
        REQUIRE(::ioctl(fd.get(), SIOCINQ, &now) == 0);
    }
    return now;
}

// never_sent is what TCP_NOTSENT_LOWAT counts. What was sent may lie there longer: a peer short of room drops it.
int never_sent(const os::unique_fd& fd) {
    int left = 0;
    REQUIRE(::ioctl(fd.get(), SIOCOUTQNSD, &left) == 0);
    return left;
}

} // namespace

TEST_CASE("relay ends a side that takes too little of what waits for it, though it is never idle") {
    relaying here;
    for (const bool client_is_slow : {true, false}) {
        INFO("the client: " << client_is_slow);
        auto client = tcp_pair();
        auto backend = tcp_pair();
        auto& slow = client_is_slow ? client.near : backend.near;
        auto& other = client_is_slow ? backend.near : client.near;
        set_buffers(slow, 10'000, 10'000);
        auto end = here.start(client, backend, {.idle_timeout = 1s, .min_rate = 64 * mebibyte});
        fill(other);
        char byte = 0;
        while (end.wait_for(10ms) != std::future_status::ready) {
            (void)!::recv(slow.get(), &byte, 1, MSG_DONTWAIT);
            (void)!::send(slow.get(), &byte, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
        }
        const auto how = result_of(end);
        CHECK(to_string(how.end) ==
              to_string(client_is_slow ? relay_end::client_slow : relay_end::backend_slow));
        CHECK(!how.closed_first);
        CHECK(hear(other).end == "RST");
    }
}

TEST_CASE("relay: a side that takes all that has waited for it may be silent otherwise") {
    relaying here;
    for (auto backend_of : {tcp_pair, unix_pair}) {
        auto client = tcp_pair();
        auto backend = backend_of();
        auto end = here.start(client, backend, {.user_timeout = 200ms, .min_rate = 1'000 * mebibyte});
        for (int i = 0; i < 20; ++i) {
            say(client.near, "x");
            say(backend.near, "y");
            CHECK(hear_some(backend.near, 1) == "x");
            CHECK(hear_some(client.near, 1) == "y");
            std::this_thread::sleep_for(20ms);
        }
        say_end(client.near);
        say_end(backend.near);
        CHECK(result_of(end).end == relay_end::finished);
    }
}

TEST_CASE("relay: while the router was stopped nobody was slow") {
    relaying here;
    auto client = tcp_pair();
    auto backend = tcp_pair();
    const auto words = std::string(20 * mebibyte, '.');
    auto end = here.start(client, backend, {.idle_timeout = 2s, .min_rate = 64 * mebibyte});
    std::jthread talking{[&] {
        say(backend.near, words);
        say_end(backend.near);
    }};
    CHECK(hear_some(client.near, 1) == ".");
    std::this_thread::sleep_for(700ms); // that some wait was seen
    here.call([&] {
        say(client.near, "x"); // so it is not idle
        std::this_thread::sleep_for(2500ms);
    });
    CHECK(hear(client.near).text.size() == words.size() - 1);
    say_end(client.near);
    CHECK(result_of(end).end == relay_end::finished);
}

TEST_CASE("relay: what is taken out of the send queue has moved") {
    relaying here;
    auto client = tcp_pair();
    auto backend = tcp_pair();
    const int room = 65'536; // a window that was closed opens again once a sixteenth of the buffer is free
    REQUIRE(::setsockopt(client.near.get(), SOL_SOCKET, SO_RCVBUF, &room, sizeof room) == 0);
    auto end = here.start(client, backend, {.idle_timeout = 2s, .min_rate = 1});
    fill(backend.near);
    for (int i = 0; i < 50; ++i) { // less than what makes the socket take more
        CHECK(hear_some(client.near, 12'000).size() == 12'000);
        std::this_thread::sleep_for(100ms);
    }
    CHECK(end.wait_for(0s) == std::future_status::timeout);
}

namespace {

// buffered_of_one is how much the kernel keeps of a relay's bytes once its client stops reading.
struct buffered {
    int unread = 0;
    std::size_t room = 0;
};
buffered buffered_of_one(relaying& here, std::size_t limit) {
    here.ask([limit](net::relay_group& group) {
        group.set_buffer_limit(limit);
        return 0;
    });
    auto client = tcp_pair();
    auto backend = tcp_pair();
    os::unique_fd client_side{::dup(client.far.get())};
    os::unique_fd backend_side{::dup(backend.far.get())};
    auto end = here.start(client, backend);
    auto talking = speaker(backend.near);
    const auto large = limit == 0 ? mebibyte / 8 : 4 * mebibyte; // from then on it grows no more
    std::size_t room = 0;
    for (int i = 0; i < 100 && room < large; ++i) { // the busier the machine, the slower it grows
        hear_bulk(client.near, 64 * mebibyte);
        room = os::receive_room(backend_side.get());
    }
    REQUIRE(room >= large);
    hear_bulk(client.near, 64 * mebibyte); // the relay has looked by then
    const auto bounded = os::receive_room(backend_side.get());
    hear_bulk(client.near, 64 * mebibyte);
    CHECK(os::receive_room(backend_side.get()) == bounded);
    const auto unread = full(backend_side);
    const auto most_unsent = option(client_side, IPPROTO_TCP, TCP_NOTSENT_LOWAT);
    CHECK(most_unsent > 0);
    CHECK(never_sent(client_side) <= most_unsent + static_cast<int>(mebibyte / 4)); // a segment more
    CHECK(option(backend_side, IPPROTO_TCP, TCP_NOTSENT_LOWAT) == 0); // nobody has sent it much
    client_side.reset(), backend_side.reset();                        // what is closed is to leave epoll
    reset(std::move(client.near));
    CHECK(result_of(end).end == relay_end::client_reset);
    return {unread, room};
}

} // namespace

TEST_CASE("relay: what the kernel buffers is bounded, and the less is left the narrower") {
    relaying here;
    const auto usual = buffered_of_one(here, 64 * mebibyte);
    const auto little = buffered_of_one(here, 0);
    CHECK(little.room <= usual.room / 2); // the kernel may grow it between two looks
    CHECK(little.unread <= usual.unread / 2);
    CHECK(buffered_of_one(here, 64 * mebibyte).room > little.room); // the others are gone
    CHECK(here.ask([](net::relay_group& group) { return group.buffered(); }) == 0);
}
