// SPDX-License-Identifier: BSL-1.0
// One attempt to hand a client over by `stream`: whose it is afterwards, whatever the backend does.
#include "snipass/delivery/stream.hpp"

#include "catch.hpp"
#include "epoll_registrations.hpp"
#include "handoff_sender.hpp"
#include "run_coroutine.hpp"
#include "same_descriptors.hpp"
#include "snipass/os/error.hpp"
#include "unix_backend.hpp"

#include <thread>

using namespace snipass;
using namespace snipass::testing;
using namespace std::chrono_literals;
using handoff_test::temporary_folder;
using server::outcome;

namespace {

const bytes header{'h', 'e', 'a', 'd', 'e', 'r'};

// How an attempt ended: handed_off, or as the session does if nobody else is tried.
struct ended {
    outcome how;
    error_code error;
};

// attempted waits for the end of an attempt.
class attempted {
  public:
    attempted(net::event_loop& loop, net::task<server::attempt> one) : one_(loop, std::move(one)) {}

    [[nodiscard]] bool done() const { return one_.done(); }
    ended get() {
        const auto how = one_.get();
        const auto* const failed = std::get_if<server::not_taken>(&how);
        return failed != nullptr ? ended{failed->why, failed->error} : ended{outcome::handed_off, {}};
    }

  private:
    spawned<server::attempt> one_;
};

// One client that is to be handed off, and the loop to do it on.
struct fixture {
    tcp_connection pair;
    server::client_socket client{std::move(pair.accepted)};
    net::event_loop loop;

    // Whether the client is still ours, and none of its bytes was read.
    [[nodiscard]] bool is_whole() const { return client && unread(client.get()) == 5; }

    fixture() {
        pair.client.send("hello");
        wait_until_unread(client.get(), 5);
    }

    attempted begin(const std::string& path, net::time_point deadline) {
        return {loop, hand_off_to(path, deadline)};
    }
    std::shared_ptr<server::presence> known = std::make_shared<server::presence>();
    ip_address source = pair.client.local().address;
    net::interruption displacement;

    net::task<server::attempt> hand_off_to(std::string path, net::time_point deadline) {
        auto connection = server::offer_by_stream(path, client, header);
        if (!connection)
            co_return server::not_taken{server::to_outcome(connection.error()), connection.error()};
        const server::offered one{client, source, displacement, known};
        co_return co_await server::answer_by_stream(loop, one, std::move(*connection), deadline);
    }
    ended hand_off(const std::string& path, net::time_point deadline) { return begin(path, deadline).get(); }
};

net::time_point late() {
    return net::clock::now() + patience;
}

net::time_point soon() {
    return net::clock::now() + 20ms;
}

void wait_until(net::time_point when) {
    std::this_thread::sleep_until(when);
}

} // namespace

TEST_CASE("by stream: the backend gets header and client, and its ACK makes it the owner") {
    const same_descriptors check;
    fixture test;
    const stream_backend backend;
    auto handoff = test.begin(backend.path(), late());
    const auto got = backend.receive();
    CHECK(got.header == header);
    CHECK(unread(got.client.get()) == 5);
    CHECK(bound_to(got.client.get()) == bound_to(test.client.get()));
    run_ready(test.loop);
    CHECK_FALSE(handoff.done());
    REQUIRE(got.answer() == 0);
    CHECK(handoff.get().how == outcome::handed_off);
    CHECK_FALSE(test.client);
    got.wait_for_end();
    // Nobody else has it: its close() is the client's FIN.
    CHECK(::send(got.client.get(), "bye", 3, MSG_NOSIGNAL) == 3);
    CHECK(::shutdown(got.client.get(), SHUT_WR) == 0);
    std::string heard;
    CHECK(test.pair.client.read_to_end(heard) == ending::fin);
    CHECK(heard == "bye");
}

TEST_CASE("by stream: an ACK that came before anybody looked counts") {
    const same_descriptors check;
    fixture test;
    const stream_backend backend;
    auto handoff = test.begin(backend.path(), late());
    REQUIRE(backend.receive().answer() == 0); // and the backend closes
    CHECK(handoff.get().how == outcome::handed_off);
}

TEST_CASE("by stream: an ACK just before the deadline counts, though the router wakes behind it") {
    const same_descriptors check;
    fixture test;
    const stream_backend backend;
    const auto deadline = soon();
    auto handoff = test.begin(backend.path(), deadline);
    const auto got = backend.receive();
    REQUIRE(got.answer() == 0);
    wait_until(deadline + 1ms);
    CHECK(handoff.get().how == outcome::handed_off);
    CHECK_FALSE(test.client);
}

TEST_CASE("by stream: closed without ACK is declined, and the client whole") {
    const same_descriptors check;
    fixture test;
    const stream_backend backend;
    auto handoff = test.begin(backend.path(), late());
    (void)backend.receive();
    const auto result = handoff.get();
    CHECK(result.how == outcome::backend_declined);
    CHECK(test.is_whole());
}

TEST_CASE("by stream: closed without having read the header is declined too") {
    const same_descriptors check;
    fixture test;
    stream_backend backend;
    auto handoff = test.begin(backend.path(), late());
    SECTION("accepted") {
        os::unique_fd{::accept(backend.fd(), nullptr, nullptr)}.reset();
    }
    SECTION("never accepted") {
        backend.close();
    }
    CHECK(handoff.get().how == outcome::backend_declined);
    CHECK(test.is_whole());
}

TEST_CASE("by stream: another byte than ACK is declined") {
    const same_descriptors check;
    fixture test;
    const stream_backend backend;
    auto handoff = test.begin(backend.path(), late());
    const auto got = backend.receive();
    REQUIRE(got.answer(0x15) == 0);
    CHECK(handoff.get().how == outcome::backend_declined);
    CHECK(test.is_whole());
    CHECK(got.answer() == EPIPE); // and cannot be mended
}

TEST_CASE("by stream: from a silent backend the client is taken back, and its late ACK fails") {
    const same_descriptors check;
    fixture test;
    const stream_backend backend;
    SECTION("that has received it") {
        auto handoff = test.begin(backend.path(), soon());
        const auto got = backend.receive();
        CHECK(handoff.get().how == outcome::backend_silent);
        CHECK(got.answer() == EPIPE);
    }
    SECTION("that has not accepted") {
        CHECK(test.hand_off(backend.path(), soon()).how == outcome::backend_silent);
        const auto got = backend.receive(); // header and descriptor are in order
        CHECK(got.header == header);
        CHECK(got.answer() == EPIPE);
    }
    CHECK(test.is_whole());
    // The next one gets it as if nothing had been.
    const stream_backend next;
    auto handoff = test.begin(next.path(), late());
    const auto client = next.receive();
    REQUIRE(client.answer() == 0);
    CHECK(handoff.get().how == outcome::handed_off);
    CHECK(unread(client.client.get()) == 5);
}

TEST_CASE("by stream: a client that is displaced is taken back at once, and the ACK that comes then fails") {
    const same_descriptors check;
    fixture test;
    const stream_backend backend;
    auto handoff = test.begin(backend.path(), net::time_point::max());
    const auto got = backend.receive();
    run_ready(test.loop);
    CHECK_FALSE(handoff.done());
    test.displacement.come();
    const auto result = handoff.get();
    CHECK(result.how == outcome::backend_silent);
    CHECK(test.is_whole());
    CHECK(got.answer() == EPIPE);
}

TEST_CASE("by stream: a displacement that crosses the ACK finds the client taken") {
    const same_descriptors check;
    fixture test;
    const stream_backend backend;
    auto handoff = test.begin(backend.path(), net::time_point::max());
    const auto got = backend.receive();
    run_ready(test.loop);
    SECTION("it came before, and nobody has looked") {
        REQUIRE(got.answer() == 0);
        test.displacement.come();
    }
    SECTION("it comes before the client is taken back") {
        test.displacement.come();
        REQUIRE(got.answer() == 0);
    }
    CHECK(handoff.get().how == outcome::handed_off);
    CHECK_FALSE(test.client);
    got.wait_for_end();
    CHECK(unread(got.client.get()) == 5);
}

TEST_CASE("by stream: a path without a socket is absent, a socket without a listener refused") {
    const same_descriptors check;
    fixture test;
    const temporary_folder folder;
    stream_backend backend{folder.path / "socket"};
    backend.close();
    const auto refused = test.hand_off(backend.path(), late());
    CHECK(refused.how == outcome::backend_refused);
    CHECK(refused.error == os::make_error(ECONNREFUSED));
    const auto absent = test.hand_off((folder.path / "none").string(), late());
    CHECK(absent.how == outcome::backend_absent);
    CHECK(absent.error == os::make_error(ENOENT));
    CHECK(test.is_whole());
}

TEST_CASE("by stream: what is no stream socket is a failure that says why") {
    const same_descriptors check;
    fixture test;
    const temporary_folder folder;
    const datagram_backend wrong{folder.path / "socket"};
    const auto result = test.hand_off(wrong.path(), late());
    CHECK(result.how == outcome::backend_failed);
    CHECK(result.error == os::make_error(EPROTOTYPE));
    CHECK(test.hand_off(std::string(200, 'x'), late()).error == os::make_error(ENAMETOOLONG));
    CHECK(test.is_whole());
}

TEST_CASE("by stream: a full backlog is told at once") {
    const same_descriptors check;
    fixture test;
    const stream_backend backend{abstract_name(), 0};
    const auto waiting = fill_backlog(backend.path());
    const auto result = test.hand_off(backend.path(), late());
    CHECK(result.how == outcome::backend_backlog_full);
    CHECK(result.error == os::make_error(EAGAIN));
    CHECK(server::may_pass_soon(result.how));
    CHECK(test.is_whole());
}

TEST_CASE("by stream: nothing stays registered, whatever the outcome") {
    fixture test;
    const stream_backend backend;
    const auto before = epoll_registrations();
    (void)test.hand_off(backend.path(), soon());
    auto handoff = test.begin(backend.path(), late());
    (void)backend.receive(); // the one that was taken back
    REQUIRE(backend.receive().answer() == 0);
    CHECK(handoff.get().how == outcome::handed_off);
    CHECK(epoll_registrations() == before);
}

TEST_CASE("by stream: the loop may end while the backend is silent") {
    const same_descriptors check;
    const stream_backend backend;
    fixture test;
    const auto handoff = test.begin(backend.path(), late());
    run_ready(test.loop);
    test.loop.destroy_tasks();
    CHECK(test.is_whole());
}
