// SPDX-License-Identifier: BSL-1.0
// The traps of the kernel that a router of this kind falls into, each as a test: what the worker's thread
// asks of the kernel is counted, never how long anything takes.
#include "keyed_pair.hpp"
#include "router_fixture.hpp"
#include "snipass/os/tcp.hpp"
#include "snipass/os/unix_socket.hpp"
#include "snipass/session/session.hpp"
#include "system_calls.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>

#include <algorithm>
#include <thread>
#include <utility>

using namespace snipass;
using namespace snipass::testing;
using namespace std::chrono_literals;
using server::outcome;

namespace {

const bytes hello = hello_for("www.example.com");

// A router whose only backend gets everything, and its thread under watch.
struct fixture : router_fixture {
    stream_backend backend;
    std::unique_ptr<call_watch> calls;

    fixture() {
        what.stream(backend.path());
        what.otherwise(0);
    }
    ~fixture() { calls.reset(); }

    router& begin() {
        auto& router = start();
        router.settle();
        calls = std::make_unique<call_watch>(router.thread_id());
        return router;
    }

    // How often the thread went to wait while nothing was asked of it, for a while that would be enough for a
    // hundred thousand times.
    [[nodiscard]] std::size_t waits_meanwhile() const {
        running->settle();
        calls->forget();
        std::this_thread::sleep_for(200ms);
        return calls->count(system_call::epoll_wait);
    }

    [[nodiscard]] std::size_t waiting() const {
        return running->ask([](server::worker& one) { return one.thread().waiting.size(); });
    }
};

// two_that_wait have not said all, the first one for longer.
std::pair<tcp_client, tcp_client> two_that_wait(router& router) {
    auto oldest = router.connect_with(byte_view{hello}.first(3));
    router.wait_until_waiting(1);
    auto second = router.connect_with(byte_view{hello}.first(3));
    router.wait_until_waiting(2);
    return {std::move(oldest), std::move(second)};
}

// The deadline's timer is looked at once more when its time comes, and asking may cost a turn.
constexpr std::size_t hardly_any = 3;

#ifdef __SANITIZE_ADDRESS__
constexpr bool has_descriptors_of_its_own = true; // UBSan, which is built in with it
#else
constexpr bool has_descriptors_of_its_own = false;
#endif

} // namespace

// Peeked bytes stay unread, so the socket stays readable.
TEST_CASE("trap: a client that has sent a few bytes does not wake the thread") {
    fixture test;
    auto& router = test.begin();
    std::vector<tcp_client> clients;
    for (const std::size_t size : {1U, 3U, 5U, 8U, 9U, 100U}) {
        clients.push_back(router.connect_with(byte_view{hello}.first(size)));
        router.wait_until_waiting(clients.size());
    }
    CHECK(test.waits_meanwhile() <= hardly_any);
    CHECK(test.waiting() == clients.size());
}

// Each peek copies from the first byte on.
TEST_CASE("trap: a hello that trickles in is looked at a few times, not once a byte") {
    fixture test;
    auto& router = test.begin();
    const auto client = router.connect();
    for (const auto byte : hello)
        client.send(byte_view{&byte, 1});
    (void)test.backend.take();
    router.wait_for(outcome::handed_off);
    CHECK(test.calls->count(system_call::recv) <= 8); // and one for the ACK
}

// A registration belongs to the open file, which lives on in the backend.
TEST_CASE("trap: the traffic of a socket that was passed on does not wake the thread") {
    fixture test;
    auto& router = test.begin();
    const auto client = router.connect();
    client.send_segment(byte_view{hello}.first(20)); // so that it is registered
    router.wait_until_waiting(1);
    client.send(byte_view{hello}.subspan(20));
    const auto taken = test.backend.take();
    router.wait_for(outcome::handed_off);
    router.settle();
    test.calls->forget();
    for (int i = 0; i < 200; ++i) {
        client.send("x");
        REQUIRE(::send(taken.get(), "y", 1, MSG_NOSIGNAL) == 1);
        CHECK(client.receive(1) == "y");
    }
    CHECK(test.calls->count(system_call::epoll_wait) <= hardly_any);
}

// While the router has its copy, the backend's close() sends no FIN and removes no registration.
TEST_CASE("trap: the router's copy of the client is closed before the connection whose end tells so") {
    fixture test;
    auto& router = test.begin();
    const auto client = router.connect_with(hello);
    (void)test.backend.take();
    router.wait_for(outcome::handed_off);
    std::vector<int> closed;
    int clients_fd = -1;
    int connection = -1;
    for (const auto& [call, fd, failed] : test.calls->calls()) {
        if (call == system_call::recv && clients_fd < 0)
            clients_fd = fd; // the first is the peek
        if (call == system_call::sendmsg)
            connection = fd;
        if (call == system_call::close && clients_fd >= 0)
            closed.push_back(fd);
    }
    REQUIRE(std::ranges::count(closed, clients_fd) == 1);
    CHECK(std::ranges::find(closed, clients_fd) < std::ranges::find(closed, connection));
    CHECK(closed.back() == connection);
}

TEST_CASE("trap: descriptors in flight, a full queue and a want of buffers mean later, and are not the end") {
    const int error = GENERATE(ETOOMANYREFS, EAGAIN, ENOBUFS, ENOMEM);
    const bool datagram = GENERATE(false, true);
    CAPTURE(error, datagram);
    fixture test;
    const datagram_backend other;
    test.what.datagram(other.path());
    test.what.otherwise(datagram ? 1 : 0);
    auto& router = test.begin();
    const auto client = router.connect();
    test.calls->fail(system_call::sendmsg, error, 1, 3);
    client.send(hello);
    if (datagram) {
        CHECK(other.receive().first == hello);
    } else {
        os::unique_fd taken;
        while (!taken) { // connections without a message came before
            const os::unique_fd connection{accept_plain(test.backend.fd())};
            auto message = receive_unix(connection.get());
            if (message.fds.empty())
                continue;
            REQUIRE(::send(connection.get(), &ack, 1, MSG_NOSIGNAL) == 1);
            taken = std::move(message.fds[0]);
            CHECK(unread(taken.get()) == hello.size());
        }
    }
    router.wait_for(outcome::handed_off);
    CHECK(test.calls->has_failed());
}

TEST_CASE("trap: what stays impossible to send is no fault of the backend") {
    fixture test;
    handoff_of(test.what.backend(0)).ack_timeout = 50ms;
    auto& router = test.begin();
    test.calls->fail(system_call::sendmsg, ETOOMANYREFS, 1, 1'000'000);
    auto client = router.connect_with(hello);
    CHECK(client.read_to_end() == ending::fin);
    client.close();
    router.wait_for(outcome::no_resources);
}

// No event announces room.
TEST_CASE("trap: a full backlog is asked again, with pauses") {
    fixture test;
    const stream_backend full{abstract_name(), 0};
    const auto fill = fill_backlog(full.path());
    handoff_of(test.what.backend(0)).paths = {full.path()};
    auto& router = test.begin();
    const auto client = router.connect_with(hello);
    router.wait_until([&] { return test.calls->count(system_call::connect) > 2; }, "some attempts");
    test.calls->forget();
    std::this_thread::sleep_for(200ms);
    CHECK(test.calls->count(system_call::connect) <= 20);
    os::unique_fd{::accept(full.fd(), nullptr, nullptr)}.reset();
    const auto taken = full.take();
    CHECK(unread(taken.get()) == hello.size());
    router.wait_for(outcome::handed_off);
}

TEST_CASE("trap: a socket that is closed with bytes unread gives FIN where the policy says close") {
    fixture test;
    test.what.listener().foreign = config::policy::close;
    auto& router = test.begin();
    auto client = router.connect_with(as_bytes("GET / HTTP/1.1\r\nHost: www.example.com\r\n\r\n"));
    CHECK(client.read_to_end() == ending::fin);
    client.close();
    router.wait_for(outcome::not_tls);
}

// Without it the handshake's small messages wait for each other's delayed ACKs.
TEST_CASE("trap: the socket that is passed on has no Nagle, and wakes at its first byte") {
    fixture test;
    auto& router = test.begin();
    const auto client = router.connect();
    client.send_segment(byte_view{hello}.first(9));
    router.wait_until_waiting(1);
    client.send(byte_view{hello}.subspan(9));
    const auto taken = test.backend.take();
    CHECK(option_of(taken.get(), IPPROTO_TCP, TCP_NODELAY) == 1);
    CHECK(option_of(taken.get(), SOL_SOCKET, SO_RCVLOWAT) == 1);
    router.wait_for(outcome::handed_off);
}

// A client of [default] whose bytes are no TLS waited for more of them at first.
TEST_CASE("trap: a client that turned out to be no TLS wakes its backend at its first byte") {
    fixture test;
    test.what.listener().malformed = config::policy::route_to_default;
    auto& router = test.begin();
    const auto client = router.connect_with(bytes{22, 3});
    router.wait_until_waiting(1);
    client.send(bytes{1, 0, 2, 9, 9}); // a record of a handshake message that is no hello
    const auto taken = test.backend.take();
    CHECK(option_of(taken.get(), SOL_SOCKET, SO_RCVLOWAT) == 1);
    router.wait_for(outcome::handed_off);
}

// A peek ends at urgent data, and nobody reads it: the socket is readable for ever, and has an event
// (POLLPRI).
TEST_CASE("trap: urgent data in a hello does not make the thread spin") {
    fixture test;
    auto& router = test.begin();
    const auto client = router.connect();
    client.send_segment(byte_view{hello}.first(20));
    client.send_urgent('!');
    client.send(byte_view{hello}.subspan(20));
    router.wait_until_waiting(1);
    CHECK(test.waits_meanwhile() <= 10); // pauses of 10, 20, 40, 80, ... ms
    CHECK(test.waiting() == 1);
}

// epoll does not ask SO_RCVLOWAT of such a socket: it is readable as soon as one record is there.
TEST_CASE("trap: half a hello on a socket whose TLS the kernel speaks does not make the thread spin",
          "[kernel_tls]") {
    if (const auto why = lacks_kernel_tls())
        return skipped(*why);
    const std::string_view said{reinterpret_cast<const char*>(hello.data()), hello.size()};
    for (const auto version : {tls_1_2, tls_1_3}) {
        fixture test;
        auto& router = test.begin();
        auto pair = keyed_pair(version);
        say(pair.far, said.substr(0, 20));
        set_nonblocking(pair.near);
        router.ask([&](server::worker& one) {
            auto& thread = one.thread();
            server::passed_client client;
            client.client = os::peer_endpoint(pair.near.get()).value();
            client.fd = std::move(pair.near);
            client.received = net::clock::now();
            thread.loop.spawn(server::serve(thread, thread.in_use, thread.in_use->config->listeners.front(),
                                            std::move(client)));
        });
        router.wait_until_waiting(1);
        CHECK(test.waits_meanwhile() <= 10); // pauses of 10, 20, 40, 80, ... ms
        CHECK(test.waiting() == 1);
        say(pair.far, said.substr(20));
        const auto taken = test.backend.take();
        CHECK(hear_some(taken, said.size()) == said);
        router.wait_for(outcome::handed_off);
    }
}

TEST_CASE("trap: a peer that goes on sending after its FIN was answered does not make the thread spin") {
    fixture test;
    test.what.listener().foreign = config::policy::close;
    auto& router = test.begin();
    const auto client = router.connect_with(as_bytes("GET"));
    CHECK(client.read_to_end() == ending::fin);
    client.send_urgent('!');
    CHECK(test.waits_meanwhile() <= hardly_any);
    router.wait_for(outcome::not_tls);
}

// accept4 fails at once, and the listener stays readable.
TEST_CASE("trap: without descriptors the listener makes room, and goes on") {
    const int error = GENERATE(EMFILE, ENFILE, ENOBUFS, ENOMEM);
    CAPTURE(error);
    fixture test;
    auto& router = test.begin();
    const auto [oldest, second] = two_that_wait(router);
    test.calls->fail(system_call::accept4, error, 1, 1);
    const auto newcomer = router.connect_with(hello);
    (void)test.backend.take();
    router.wait_for(outcome::handed_off);
    CHECK(router.counters().accept_paused.value() == (error == EMFILE ? 0 : 1)); // what is short is not ours
    router.wait_for(outcome::shed);
    CHECK(oldest.read_to_end() == ending::reset);
    CHECK(test.waiting() == 1);
}

TEST_CASE("trap: without descriptors for its backend's connection, a client goes before those who wait") {
    fixture test;
    const bool is_proxied = GENERATE(false, true);
    CAPTURE(is_proxied);
    const auto server = plain_listener();
    if (is_proxied) {
        test.what.proxied(bound_to(server.get()));
        test.what.otherwise(1);
    }
    auto& router = test.begin();
    const auto [oldest, second] = two_that_wait(router);
    test.calls->fail(system_call::socket, EMFILE, 1, 1);
    const auto newcomer = router.connect_with(hello);
    if (is_proxied)
        CHECK(is_readable(server.get()));
    else
        (void)test.backend.take();
    router.wait_for(outcome::shed);
    CHECK(oldest.read_to_end() == ending::reset);
    CHECK(test.waiting() == 1);
}

TEST_CASE("trap: without descriptors for long, the thread does not spin") {
    fixture test;
    auto& router = test.begin();
    test.calls->fail(system_call::accept4, EMFILE, 1, 1'000'000);
    const auto client = router.connect_with(hello);
    router.wait_until([&] { return router.counters().accept_paused.value() > 0; }, "a pause");
    test.calls->forget();
    std::this_thread::sleep_for(200ms);
    CHECK(test.calls->count(system_call::accept4) <= 12); // one each 20 ms
    test.calls->fail(system_call::accept4, EMFILE, 1, 0);
    (void)test.backend.take();
    router.wait_for(outcome::handed_off);
}

// Closing the socket resets whoever waits in its backlog.
TEST_CASE("trap: a want of descriptors in the moment of stopping does not lose who waits in the backlog") {
    fixture test;
    auto& router = test.begin();
    test.calls->fail(system_call::accept4, EMFILE, 1, 3);
    const auto client = router.connect_with(hello);
    router.wait_until([&] { return router.counters().accept_paused.value() > 0; }, "a pause");
    router.drain();
    (void)test.backend.take();
    router.wait_for(outcome::handed_off);
    router.wait_until([&] { return router.drained(); }, "the drain");
}

namespace {

// descriptor_limit is RLIMIT_NOFILE: no number from now on may be as large as the `n`-th that is free now.
class descriptor_limit {
  public:
    explicit descriptor_limit(int n) {
        REQUIRE(::getrlimit(RLIMIT_NOFILE, &before_) == 0);
        std::vector<os::unique_fd> free;
        for (int i = 0; i < n; ++i)
            free.emplace_back(::dup(STDIN_FILENO));
        const rlimit now{static_cast<rlim_t>(free.back().get()), before_.rlim_max};
        REQUIRE(::setrlimit(RLIMIT_NOFILE, &now) == 0);
    }
    ~descriptor_limit() { ::setrlimit(RLIMIT_NOFILE, &before_); }
    descriptor_limit(const descriptor_limit&) = delete;
    descriptor_limit& operator=(const descriptor_limit&) = delete;

  private:
    rlimit before_{};
};

} // namespace

TEST_CASE("trap: a real want of descriptors, from which the router recovers by itself") {
    if (has_descriptors_of_its_own)
        return;
    fixture test;
    auto& router = test.begin();
    std::vector<tcp_client> clients;
    for (int i = 0; i < 12; ++i)
        clients.emplace_back(os::unique_fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)});
    sockaddr_storage address;
    const auto size = os::to_sockaddr(router.address(), address);
    {
        const descriptor_limit few{6}; // room for five
        for (const auto& client : clients) {
            REQUIRE(::connect(client.fd(), reinterpret_cast<const sockaddr*>(&address), size) == 0);
            client.send(byte_view{hello}.first(3));
        }
        // All have had their turn: the oldest made room for those behind them.
        router.wait_until([&] { return router.counters().accepted.value() == 12; }, "all clients");
        CHECK(router.of(outcome::shed) == 12 - test.waiting());
        CHECK(test.waiting() <= 5);
        CHECK(clients.front().read_to_end() == ending::reset);
        CHECK(test.waits_meanwhile() <= hardly_any);
    }
    clients.back().send(byte_view{hello}.subspan(3));
    (void)test.backend.take();
    router.wait_for(outcome::handed_off);
}

// It is readable for ever, and accept4 fails for ever.
TEST_CASE("trap: a listening socket that another holder shuts down does not make the thread spin") {
    fixture test;
    auto& router = test.begin();
    // Its number is the one that accept4 is called with.
    const auto client = router.connect_with(hello);
    (void)test.backend.take();
    router.wait_for(outcome::handed_off);
    const auto& calls = test.calls->calls();
    const auto accept = std::ranges::find(calls, system_call::accept4, &call_watch::seen::call);
    REQUIRE(accept != calls.end());
    REQUIRE(::shutdown(accept->fd, SHUT_RDWR) == 0);
    CHECK(test.waits_meanwhile() <= 25); // one each 20 ms, and the wakes in between
    CHECK(router.counters().accept_paused.value() == 0);
}

TEST_CASE("cost: a client for a datagram backend takes five calls") {
    fixture test;
    const datagram_backend other;
    test.what.datagram(other.path());
    test.what.otherwise(1);
    auto& router = test.begin();
    std::vector<tcp_client> clients;
    for (int i = 0; i < 2; ++i) {
        test.calls->forget();
        clients.push_back(router.connect_with(hello));
        (void)other.receive();
        router.wait_for(outcome::handed_off, clients.size());
    }
    CAPTURE(test.calls->text()); // of the second: the channel is there
    for (const auto once : {system_call::accept4, system_call::sendmsg, system_call::close})
        CHECK(test.calls->count(once) == 1);
    CHECK(test.calls->count(system_call::recv) == 2); // peek, discard
    CHECK(test.calls->count_for_clients() <= 6);      // and one for all of a wake: how many wait
    CHECK(test.calls->count(system_call::epoll_change) == 0);
}

TEST_CASE("cost: a client for a stream backend takes eleven calls, and none for a timer") {
    fixture test;
    const std::size_t most = os::can_refuse_descriptors() ? 13 : 15;
    auto& router = test.begin();
    const auto client = router.connect_with(hello);
    (void)test.backend.take();
    router.wait_for(outcome::handed_off);
    CAPTURE(test.calls->text());
    // accept4, peek, getsockname, socket, no descriptors, connect, sendmsg, wait for the answer, ACK, close,
    // close; for all of a wake one that asks how many wait; and for all of a second one that asks whether
    // connections are redirected. A kernel that cannot refuse descriptors is
    // asked whether some came, in three calls.
    CHECK(test.calls->count_for_clients() <= most);
}

TEST_CASE("cost: bulk is spliced, but not through pipes that are too small for it to pay") {
    const bool is_large = GENERATE(true, false);
    CAPTURE(is_large);
    fixture test;
    const auto server = plain_listener();
    test.what.proxied(bound_to(server.get()));
    test.what.otherwise(1);
    test.what.server().max_pipe_memory = is_large ? std::size_t{128} << 20 : std::size_t{1} << 20;
    auto& router = test.begin();
    const auto client = router.connect_with(hello);
    const auto backend = accept_plain(server.get());
    std::jthread speaking{[&] {
        client.send(std::string(8'000'000, '.'));
        client.finish();
    }};
    std::size_t heard = 0;
    std::string room(1'000'000, '\0');
    for (ssize_t n = 1; n > 0 && is_readable(backend.get()); heard += static_cast<std::size_t>(n))
        n = ::recv(backend.get(), room.data(), room.size(), 0);
    CHECK(heard == 8'000'000 + hello.size());
    ::shutdown(backend.get(), SHUT_WR);
    router.wait_for(outcome::proxied);
    const auto seen = test.calls->calls();
    const auto from_socket = std::ranges::count_if(seen, [&](const call_watch::seen& one) {
        return one.call == system_call::splice &&
               std::ranges::any_of(seen, [&](const call_watch::seen& other) {
                   return other.call == system_call::recv && other.fd == one.fd;
               });
    });
    CHECK((from_socket > 0) == is_large);
}
