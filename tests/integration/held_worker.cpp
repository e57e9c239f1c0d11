// SPDX-License-Identifier: BSL-1.0
// A backend can make close(2) of a client it was offered wait for as long as it likes: the option is the
// socket's, whoever has it. The worker's thread is not to wait with it.
#include "lingering.hpp"
#include "router_fixture.hpp"
#include "snipass/os/tcp.hpp"
#include "snipass/process/worker_pool.hpp"

#include <array>
#include <future>

using namespace snipass;
using namespace snipass::testing;
using namespace std::chrono_literals;

namespace {

const bytes hello = hello_for("www.example.com");

constexpr auto deadline = 20s;

// A pool of one worker, whose only backend gets everything.
struct fixture {
    same_descriptors check;
    stream_backend backend;
    std::shared_ptr<const config::configuration> configuration;
    server::address_book book;
    std::optional<server::log> log;
    std::optional<server::worker_pool> pool;
    ip_endpoint address;

    fixture() {
        site what;
        what.stream(backend.path());
        what.otherwise(0);
        configuration = what.build();
        log.emplace(configuration->log);
        auto socket = os::listen_tcp(*configuration->listeners.front().endpoint).value();
        address = bound_to(socket.get());
        std::vector<std::vector<server::listener_socket>> sockets(1);
        sockets.front().push_back({listener_name, std::move(socket), false});
        pool.emplace(1U, book, *log);
        std::promise<void> applied;
        pool->apply(configuration, std::move(sockets), [&applied] { applied.set_value(); });
        applied.get_future().wait();
    }

    [[nodiscard]] tcp_client connect() const {
        tcp_client client{address};
        client.send(hello);
        return client;
    }
};

// leave_lingering ends the backend's copy.
void leave_lingering(os::unique_fd copy) {
    make_lingering(copy.get());
}

} // namespace

TEST_CASE("held worker: others are served while a close waits for a client that does not read") {
    fixture test;
    const auto deaf = test.connect();
    {
        auto offer = test.backend.receive();
        leave_lingering(std::move(offer.client));
        REQUIRE(offer.answer() == 0);
    }
    const auto other = test.connect();
    REQUIRE(is_readable(test.backend.fd(), deadline));
    (void)test.backend.take();
}

TEST_CASE("held worker: a close that waits does not keep a router from stopping") {
    fixture test;
    const auto deaf = test.connect();
    auto offer = test.backend.receive();
    leave_lingering(std::move(offer.client));
    const auto stopped = std::async(std::launch::async, [&test] { test.pool.reset(); });
    CHECK(stopped.wait_for(deadline) == std::future_status::ready);
}
