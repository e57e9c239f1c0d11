// SPDX-License-Identifier: BSL-1.0
// Every system call on a client's way fails once, in each way that the kernel has (as SQLite's tests do it):
// the first, then the second, until the client's way is over before the failure comes. Whatever fails, the
// client hears of an end, the session has an outcome, no descriptor stays, and the next client is served as
// if nothing had been.
#include "captured_stderr.hpp"
#include "router_fixture.hpp"
#include "snipass/os/tcp.hpp"
#include "snipass/os/unix_listener.hpp"
#include "system_calls.hpp"

#include <fcntl.h>
#include <poll.h>

#include <array>
#include <functional>
#include <thread>
#include <vector>

using namespace snipass;
using namespace snipass::testing;
using namespace std::chrono_literals;
using server::outcome;

namespace {

const bytes hello = hello_for("www.example.com");

// server serves: it takes whatever comes, says "!" to each client, and closes it. It lives on a thread of its
// own, and forgives a router that does not finish what it began.
class serving_backend {
  public:
    serving_backend() : thread_([this](const std::stop_token& stop) { serve(stop); }) {}

    [[nodiscard]] const std::string& stream_path() const { return stream_.path(); }
    [[nodiscard]] const std::string& datagram_path() const { return datagram_.path(); }
    [[nodiscard]] ip_endpoint tcp_address() const { return bound_to(tcp_.get()); }

  private:
    void serve(const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            std::array<pollfd, 3> all{
                {{stream_.fd(), POLLIN, 0}, {datagram_.fd(), POLLIN, 0}, {tcp_.get(), POLLIN, 0}}};
            (void)::poll(all.data(), all.size(), 10);
            if (all[0].revents != 0)
                answer(os::unique_fd{::accept4(stream_.fd(), nullptr, nullptr, SOCK_CLOEXEC)});
            if (all[1].revents != 0)
                serve(receive_unix(datagram_.fd()));
            if (all[2].revents != 0)
                end(os::unique_fd{::accept4(tcp_.get(), nullptr, nullptr, SOCK_CLOEXEC)});
        }
    }

    static void answer(const os::unique_fd& connection) {
        auto message = receive_unix(connection.get());
        if (message.fds.empty() || ::send(connection.get(), &ack, 1, MSG_NOSIGNAL) != 1)
            return; // the router did not come so far
        std::uint8_t end = 0;
        (void)::recv(connection.get(), &end, 1, 0);
        serve(std::move(message));
    }

    static void serve(unix_message message) {
        for (auto& client : message.fds)
            end(std::move(client));
    }

    static void end(os::unique_fd client) {
        (void)::send(client.get(), "!", 1, MSG_NOSIGNAL);
        (void)::shutdown(client.get(), SHUT_WR);
        // Not with bytes unread: the RST would overtake what was said.
        std::array<char, 4096> chunk;
        const int flags = ::fcntl(client.get(), F_GETFL);
        (void)::fcntl(client.get(), F_SETFL, flags | O_NONBLOCK);
        pollfd one{client.get(), POLLIN, 0};
        while (::poll(&one, 1, 5'000) == 1 && ::recv(client.get(), chunk.data(), chunk.size(), 0) > 0) {
        }
    }

    stream_backend stream_;
    datagram_backend datagram_;
    os::unique_fd tcp_ = plain_listener();
    std::jthread thread_;
};

// How a client comes to the router.
enum class way_in {
    tcp,
    stream, // another router hands it over
    datagram,
};

// One way of a client through the router.
struct scenario {
    const char* name;
    std::function<void(site&, const serving_backend&)> prepare;
    bool in_two_pieces = false; // its hello, or the header that comes with it
    const char* heard;          // by a client of whom nothing failed
    bool is_relayed = false;
    way_in comes_by = way_in::tcp;
};

const std::vector<scenario> scenarios{
    {"stream", [](site& what, const serving_backend& to) { what.stream(to.stream_path()); }, false, "!"},
    {"stream, after a wait", [](site& what, const serving_backend& to) { what.stream(to.stream_path()); },
     true, "!"},
    {"datagram", [](site& what, const serving_backend& to) { what.datagram(to.datagram_path()); }, false,
     "!"},
    {"proxied", [](site& what, const serving_backend& to) { what.proxied(to.tcp_address()); }, false, "!",
     true},
    {"proxied with a header",
     [](site& what, const serving_backend& to) {
         relay_of(what.proxied(to.tcp_address())).header = config::proxy_protocol::v2;
     },
     false, "!", true},
    {"refused, after a wait",
     [](site& what, const serving_backend&) { what.listener().unmatched = config::policy::close; }, true, ""},
    {"handed over by stream", [](site& what, const serving_backend& to) { what.stream(to.stream_path()); },
     false, "!", false, way_in::stream},
    {"handed over by stream, after a wait",
     [](site& what, const serving_backend& to) { what.stream(to.stream_path()); }, true, "!", false,
     way_in::stream},
    {"handed over by datagram",
     [](site& what, const serving_backend& to) { what.datagram(to.datagram_path()); }, false, "!", false,
     way_in::datagram},
};

// What the kernel may answer; of the calls that are not here it has no failure that a program could survive,
// or none at all.
struct failure {
    system_call call;
    std::vector<int> errors;
    bool ends_connection = false; // a lie, of one that lives, and a relay waits for the end that is no lie
};
const std::vector<failure> failures{
    {system_call::accept4, {EMFILE, ENFILE, ENOMEM, ECONNABORTED, EPERM, EINTR}},
    {system_call::recv, {ECONNRESET, ETIMEDOUT, ENOMEM, EINTR}, true},
    {system_call::recvmsg, {ECONNRESET, ENOMEM, EINTR}},
    {system_call::send, {ECONNRESET, EPIPE, EAGAIN, ENOMEM, EINTR}, true},
    {system_call::sendmsg,
     {ETOOMANYREFS, ENOBUFS, EAGAIN, EPIPE, ECONNREFUSED, ECONNRESET, ENOMEM, EINTR, EMSGSIZE}},
    {system_call::socket, {EMFILE, ENFILE, ENOBUFS, ENOMEM, EACCES}},
    {system_call::connect, {ECONNREFUSED, EAGAIN, ENOENT, EACCES, EADDRNOTAVAIL, ENETUNREACH, EINTR}},
    {system_call::setsockopt, {ENOMEM, ENOBUFS, EINVAL, ENOPROTOOPT}},
    {system_call::getsockopt, {ENOBUFS}},
    {system_call::getsockname, {ENOBUFS, ENOTCONN}},
    {system_call::epoll_add, {ENOMEM, ENOSPC}},
    {system_call::shutdown, {ENOTCONN}, true},
    {system_call::poll, {EINTR, ENOMEM}},
    {system_call::close, {EIO, EINTR}},
    {system_call::pipe2, {EMFILE, ENFILE}},
};

// take_handoffs: what comes in at `path` is another router's client.
void take_handoffs(router& router, site what, const std::string& path) {
    auto sockets = std::make_shared<std::vector<server::listener_socket>>();
    const auto open = [&](const std::string& at, int type, server::socket_kind kind) {
        auto made = os::listen_unix(at, type, 0600).value();
        sockets->push_back({listener_name, std::move(made.fd), false, kind, std::move(made.file)});
    };
    open(path, SOCK_STREAM, server::socket_kind::handoff_stream);
    open(path + ".datagram", SOCK_DGRAM, server::socket_kind::handoff_datagram);
    router.ask([sockets, configuration = what.build()](server::worker& one) {
        one.apply(configuration, std::move(*sockets));
    });
}

// hand_over is the router in front, for one client: what the client heard.
std::string hand_over(const std::string& path, const scenario& which) {
    tcp_connection client;
    const std::array fd{client.accepted.get()};
    if (which.comes_by == way_in::stream) {
        client.client.send(hello);
        const auto header = handoff_test::example_header();
        const std::span<const std::uint8_t> all{header};
        const auto first = which.in_two_pieces ? all.first(20) : all;
        const auto connection = handoff_test::connect_unix(path);
        (void)handoff_test::send_with(connection, first, fd);
        if (first.size() < all.size()) {
            std::this_thread::sleep_for(2ms);
            (void)handoff_test::send_with(connection, all.subspan(first.size()), {});
        }
        REQUIRE(handoff_test::is_readable(connection.get(), 10'000)); // ACK, or it is closed
        client.accepted.reset();
    } else {
        const auto channel = handoff_test::connect_unix(path + ".datagram", SOCK_DGRAM);
        REQUIRE(handoff_test::send_with(channel, hello, fd) == static_cast<ssize_t>(hello.size()));
        client.accepted.reset();
    }
    std::string heard;
    (void)client.client.read_to_end(heard);
    return heard;
}

// visit is one client from beginning to end: what it heard. It ends by FIN or RST, which both may be right.
std::string visit(router& router, const scenario& which, const std::string& path) {
    if (which.comes_by != way_in::tcp)
        return hand_over(path, which);
    auto client = router.connect();
    std::string heard;
    try {
        if (which.in_two_pieces) {
            client.send_segment(byte_view{hello}.first(20));
            client.send(byte_view{hello}.subspan(20));
        } else {
            client.send(hello);
        }
        (void)client.read_to_end(heard);
    } catch (const std::system_error& reset) { // it may come while the client is still speaking
        if (reset.code().value() != EPIPE && reset.code().value() != ECONNRESET)
            throw;
    }
    return heard;
}

} // namespace

TEST_CASE("failure: whatever fails on a client's way, it comes to an end, and the next one is served") {
    const auto which = GENERATE(from_range(scenarios));
    const auto what_fails = GENERATE(from_range(failures));
    CAPTURE(which.name, to_string(what_fails.call));
    if (which.is_relayed && what_fails.ends_connection)
        return;
    router_fixture test;
    const serving_backend backend;
    const auto prepare = [&](site& what) {
        which.prepare(what, backend);
        if (what.backend_count() == 0)
            return;
        if (auto* const handoff = std::get_if<config::handoff_settings>(&what.backend(0).kind))
            handoff->ack_timeout = handoff->queue_timeout = 500ms;
        what.otherwise(0);
    };
    prepare(test.what);
    auto& router = test.start();
    std::uint64_t visits = 1;
    const auto path = test.path("in.sock");
    if (which.comes_by != way_in::tcp) {
        site same;
        prepare(same);
        take_handoffs(router, std::move(same), path);
    }
    REQUIRE(visit(router, which, path) == which.heard); // and what is made once is there
    router.wait_until([&] { return router.ended() == visits; }, "the first session's end");
    const auto open = descriptors_open().size();
    call_watch calls{router.thread_id()};
    for (const int error : what_fails.errors) {
        bool has_failed = true;
        for (int nth = 1; has_failed; ++nth) {
            CAPTURE(error, nth);
            calls.forget();
            calls.fail(what_fails.call, error, nth);
            (void)visit(router, which, path);
            has_failed = calls.has_failed();
            CAPTURE(calls.text());
            calls.fail(what_fails.call, error, 1, 0);
            CHECK(visit(router, which, path) == which.heard);
            visits += 2;
            router.wait_until([&] { return router.ended() == router.counters().accepted.value(); },
                              "an outcome for each session");
            CHECK(router.counters().accepted.value() >= visits - 1); // one may have been lost by accept4
            visits = router.counters().accepted.value();
            router.wait_until([&] { return descriptors_open().size() <= open; }, "all descriptors closed");
            REQUIRE(nth < 100);
        }
    }
}

TEST_CASE("failure: bytes that a pipe has no memory for are missed by nobody") {
    router_fixture test;
    const auto backend = plain_listener();
    test.what.proxied(bound_to(backend.get()));
    test.what.otherwise(0);
    auto& router = test.start();
    auto client = router.connect_with(hello);
    const tcp_client connection{accept_plain(backend.get())};
    REQUIRE(::fcntl(connection.fd(), F_SETFL, 0) == 0); // it blocks
    (void)connection.receive(hello.size());
    router.settle();
    call_watch calls{router.thread_id()};
    calls.fail(system_call::send, EAGAIN); // so they go into the pipe
    calls.fail(system_call::write, ENOMEM);
    client.send("lost");
    CHECK(client.read_to_end() == testing::ending::reset);
    CHECK(connection.read_to_end() == testing::ending::reset);
    router.wait_for(outcome::proxied);
}

TEST_CASE("failure: a relay that cannot begin leaves what was noted before in the log") {
    captured_stderr output;
    {
        router_fixture test;
        const auto backend = plain_listener();
        auto& away = test.what.proxied(bound_to(plain_listener().get()));
        away.sorry = 1;
        test.what.proxied(bound_to(backend.get()));
        test.what.otherwise(0);
        test.what.log().access = true;
        auto& router = test.start();
        call_watch calls{router.thread_id()};
        calls.fail(system_call::epoll_add, ENOMEM);
        const auto client = router.connect_with(hello);
        CHECK(client.read_to_end() == testing::ending::reset);
        router.wait_for(outcome::internal_error);
    }
    const auto text = output.text();
    CHECK(text.find("Connection refused; Cannot allocate memory") != std::string::npos);
}

TEST_CASE("failure: a relay that cannot begin says nothing of its backend") {
    captured_stderr output;
    {
        router_fixture test;
        const os::unique_fd backend{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        sockaddr_storage address;
        const auto size = os::to_sockaddr(*ip_endpoint::parse("127.0.0.1:0"), address);
        REQUIRE(::bind(backend.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0);
        auto& away = test.what.proxied(bound_to(backend.get()));
        away.hold = 0ms;
        test.what.otherwise(0);
        auto& router = test.start();
        CHECK(router.connect_with(hello).read_to_end() == testing::ending::fin);
        router.wait_for(outcome::backend_refused); // and it is away
        REQUIRE(::listen(backend.get(), 1) == 0);
        call_watch calls{router.thread_id()};
        calls.fail(system_call::epoll_add, ENOMEM);
        CHECK(router.connect_with(hello).read_to_end() == testing::ending::reset);
        router.wait_for(outcome::internal_error);
    }
    const auto text = output.text();
    CHECK(text.find("a backend does not take clients") != std::string::npos);
    CHECK(text.find("a backend takes clients again") == std::string::npos);
}
