// SPDX-License-Identifier: BSL-1.0
#include "snipass/net/handoff.hpp"

#include "catch.hpp"
#include "epoll_registrations.hpp"
#include "handoff_sender.hpp"
#include "run_coroutine.hpp"
#include "same_descriptors.hpp"
#include "snipass/net/wait_error.hpp"
#include "snipass/os/error.hpp"
#include "unix_backend.hpp"

#include <thread>

using namespace snipass;
using namespace snipass::testing;
using namespace std::chrono_literals;
using handoff_test::temporary_folder;
using net::handoff_status;

namespace {

const bytes header{'h', 'e', 'a', 'd', 'e', 'r'};

// One client that is to be handed off, and the loop to do it on.
struct fixture {
    tcp_connection pair;
    net::event_loop loop;

    // Whether the client is still ours, and none of its bytes was read.
    [[nodiscard]] bool is_whole() const { return pair.accepted && unread(pair.accepted.get()) == 5; }

    fixture() {
        pair.client.send("hello");
        wait_until_unread(pair.accepted.get(), 5);
    }

    spawned<net::handoff_result> begin(const std::string& path, net::time_point deadline) {
        return {loop, net::hand_off_stream(loop, path, pair.accepted, header, deadline)};
    }
    net::handoff_result hand_off(const std::string& path, net::time_point deadline) {
        return begin(path, deadline).get();
    }
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

TEST_CASE("hand_off_stream: the backend gets header and client, and its ACK makes it the owner") {
    const same_descriptors check;
    fixture test;
    const stream_backend backend;
    auto handoff = test.begin(backend.path(), late());
    const auto got = backend.receive();
    CHECK(got.header == header);
    CHECK(unread(got.client.get()) == 5);
    CHECK(bound_to(got.client.get()) == bound_to(test.pair.accepted.get()));
    run_ready(test.loop);
    CHECK_FALSE(handoff.done());
    REQUIRE(got.answer() == 0);
    CHECK(handoff.get().status == handoff_status::taken);
    CHECK_FALSE(test.pair.accepted);
    got.wait_for_end();
    // Nobody else has it: its close() is the client's FIN.
    CHECK(::send(got.client.get(), "bye", 3, MSG_NOSIGNAL) == 3);
    CHECK(::shutdown(got.client.get(), SHUT_WR) == 0);
    std::string heard;
    CHECK(test.pair.client.read_to_end(heard) == ending::fin);
    CHECK(heard == "bye");
}

TEST_CASE("hand_off_stream: an ACK that came before anybody looked counts") {
    const same_descriptors check;
    fixture test;
    const stream_backend backend;
    auto handoff = test.begin(backend.path(), late());
    REQUIRE(backend.receive().answer() == 0); // and the backend closes
    CHECK(handoff.get().status == handoff_status::taken);
}

TEST_CASE("hand_off_stream: an ACK just before the deadline counts, though the router wakes behind it") {
    const same_descriptors check;
    fixture test;
    const stream_backend backend;
    const auto deadline = soon();
    auto handoff = test.begin(backend.path(), deadline);
    const auto got = backend.receive();
    REQUIRE(got.answer() == 0);
    wait_until(deadline + 1ms);
    CHECK(handoff.get().status == handoff_status::taken);
    CHECK_FALSE(test.pair.accepted);
}

TEST_CASE("hand_off_stream: closed without ACK is declined, and the client whole") {
    const same_descriptors check;
    fixture test;
    const stream_backend backend;
    auto handoff = test.begin(backend.path(), late());
    (void)backend.receive();
    const auto result = handoff.get();
    CHECK(result.status == handoff_status::declined);
    CHECK(test.is_whole());
}

TEST_CASE("hand_off_stream: closed without having read the header is declined too") {
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
    CHECK(handoff.get().status == handoff_status::declined);
    CHECK(test.is_whole());
}

TEST_CASE("hand_off_stream: another byte than ACK is declined") {
    const same_descriptors check;
    fixture test;
    const stream_backend backend;
    auto handoff = test.begin(backend.path(), late());
    const auto got = backend.receive();
    REQUIRE(got.answer(0x15) == 0);
    CHECK(handoff.get().status == handoff_status::declined);
    CHECK(test.is_whole());
    CHECK(got.answer() == EPIPE); // and cannot be mended
}

TEST_CASE("hand_off_stream: from a silent backend the client is taken back, and its late ACK fails") {
    const same_descriptors check;
    fixture test;
    const stream_backend backend;
    SECTION("that has received it") {
        auto handoff = test.begin(backend.path(), soon());
        const auto got = backend.receive();
        CHECK(handoff.get().status == handoff_status::silent);
        CHECK(got.answer() == EPIPE);
    }
    SECTION("that has not accepted") {
        CHECK(test.hand_off(backend.path(), soon()).status == handoff_status::silent);
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
    CHECK(handoff.get().status == handoff_status::taken);
    CHECK(unread(client.client.get()) == 5);
}

TEST_CASE("hand_off_stream: a path without a socket is absent, a socket without a listener refused") {
    const same_descriptors check;
    fixture test;
    const temporary_folder folder;
    stream_backend backend{folder.path / "socket"};
    backend.close();
    const auto refused = test.hand_off(backend.path(), late());
    CHECK(refused.status == handoff_status::refused);
    CHECK(refused.error == os::make_error(ECONNREFUSED));
    const auto absent = test.hand_off((folder.path / "none").string(), late());
    CHECK(absent.status == handoff_status::absent);
    CHECK(absent.error == os::make_error(ENOENT));
    CHECK(test.is_whole());
}

TEST_CASE("hand_off_stream: what is no stream socket is a failure that says why") {
    const same_descriptors check;
    fixture test;
    const temporary_folder folder;
    const datagram_backend wrong{folder.path / "socket"};
    const auto result = test.hand_off(wrong.path(), late());
    CHECK(result.status == handoff_status::failed);
    CHECK(result.error == os::make_error(EPROTOTYPE));
    CHECK(test.hand_off(std::string(200, 'x'), late()).error == os::make_error(ENAMETOOLONG));
    CHECK(test.is_whole());
}

TEST_CASE("hand_off_stream: a full backlog is told at once") {
    const same_descriptors check;
    fixture test;
    const stream_backend backend{abstract_name(), 0};
    const auto waiting = fill_backlog(backend.path());
    const auto result = test.hand_off(backend.path(), late());
    CHECK(result.status == handoff_status::backlog_full);
    CHECK(result.error == os::make_error(EAGAIN));
    CHECK(net::may_pass_soon(result.status));
    CHECK(test.is_whole());
}

TEST_CASE("hand_off_stream: nothing stays registered, whatever the outcome") {
    fixture test;
    const stream_backend backend;
    const auto before = epoll_registrations();
    (void)test.hand_off(backend.path(), soon());
    auto handoff = test.begin(backend.path(), late());
    (void)backend.receive(); // the one that was taken back
    REQUIRE(backend.receive().answer() == 0);
    CHECK(handoff.get().status == handoff_status::taken);
    CHECK(epoll_registrations() == before);
}

TEST_CASE("hand_off_stream: the loop may end while the backend is silent") {
    const same_descriptors check;
    const stream_backend backend;
    fixture test;
    const auto handoff = test.begin(backend.path(), late());
    run_ready(test.loop);
    test.loop.destroy_tasks();
    CHECK(test.is_whole());
}

TEST_CASE("to_status: what the kernel's errors mean") {
    struct row {
        int error;
        handoff_status status;
    };
    const auto [error, status] = GENERATE(values<row>({
        {EAGAIN, handoff_status::backlog_full},
        {ENOBUFS, handoff_status::no_resources},
        {ENOMEM, handoff_status::no_resources},
        {ETOOMANYREFS, handoff_status::no_resources},
        {EMFILE, handoff_status::no_resources},
        {ENOENT, handoff_status::absent},
        {ECONNREFUSED, handoff_status::refused},
        {EPIPE, handoff_status::declined},
        {ECONNRESET, handoff_status::declined},
        {EACCES, handoff_status::failed},
        {EMSGSIZE, handoff_status::failed},
    }));
    CAPTURE(error);
    CHECK(net::to_status(os::make_error(error)) == status);
    // Errors of another category have the same numbers and mean other things.
    CHECK(net::to_status(error_code{ENOENT, net::wait_category()}) == handoff_status::failed);
    CHECK(net::to_status(error_code{EAGAIN, net::wait_category()}) == handoff_status::failed);
}
