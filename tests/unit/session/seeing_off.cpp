// SPDX-License-Identifier: BSL-1.0
// The other end of a farewell: snipass-tls waits for room where a server could not.
#include "snipass/session/seeing_off.hpp"

#include "catch.hpp"
#include "handoff_sender.hpp"
#include "keyed_pair.hpp"
#include "same_descriptors.hpp"
#include "snipass/handoff/kernel_tls.h"
#include "snipass/os/unix_listener.hpp"

#include <chrono>
#include <future>
#include <thread>

using namespace snipass;
using namespace snipass::testing;

namespace {

const std::string said_close_notify{"21:\1\0", 5};

// service is a thread of snipass-tls, and its socket.
class service {
  public:
    service() : listener_(os::listen_unix(path, SOCK_STREAM, 0600).value()) {
        runs_ = std::jthread{[this] { thread_.loop.run(); }};
    }
    ~service() {
        thread_.loop.stop();
        runs_.join();
        thread_.loop.destroy_tasks();
    }
    service(const service&) = delete;
    service& operator=(const service&) = delete;

    // accept sees off whoever has connected.
    void accept(server::farewell_times times = {}) {
        const int fd = ::accept4(listener_.fd.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
        REQUIRE(fd >= 0);
        thread_.loop.post(
            [this, fd, times] { thread_.loop.spawn(server::see_off(thread_, os::unique_fd{fd}, times)); });
    }
    // is_done waits until nobody is seen off any more; false: it takes for ever.
    bool is_done() {
        for (int i = 0; i < 4'000; ++i) {
            std::promise<std::size_t> left;
            thread_.loop.post([&] { left.set_value(thread_.clients.size()); });
            if (left.get_future().get() == 0)
                return true;
            std::this_thread::sleep_for(std::chrono::milliseconds{5});
        }
        return false;
    }
    void limit(std::size_t most) {
        thread_.loop.post([this, most] { thread_.farewells.set_limit(most); });
    }

  private:
    handoff_test::temporary_folder folder_;

  public:
    std::string path = folder_.path / "farewell.sock";

  private:
    os::unix_listener listener_;
    server::address_book book_;
    server::log log_{{}};
    server::context thread_{book_, log_};
    std::jthread runs_;
};

// full is a client whose buffer has room for nothing.
struct full {
    socket_pair pair;
    std::size_t accepted = 0;

    explicit full(std::uint16_t version) : pair(keyed_pair(version, 4'096)) {
        set_buffers(pair.near, 30'000, 4'096);
        set_nonblocking(pair.near);
        fill();
    }
    void fill() {
        const std::string piece(20'000, 'x');
        for (ssize_t n = 0; (n = ::send(pair.near.get(), piece.data(), piece.size(), MSG_NOSIGNAL)) > 0;)
            accepted += static_cast<std::size_t>(n);
    }
    // close is what a server does, whose library is ours. Some kernels have room again by then.
    void close(const std::string& farewell) {
        fill();
        kernel_tls_before_close(&handoff_libc, pair.near.get(), farewell.c_str(), false);
        pair.near.reset();
    }
    // reads returns how many bytes of data come, and what comes behind them.
    std::pair<std::size_t, std::string> reads() const {
        for (std::size_t size = 0;;) {
            const auto record = read_record(pair.far);
            if (record.rfind("23:", 0) != 0)
                return {size, record};
            size += record.size() - 3;
        }
    }
};

} // namespace

TEST_CASE("seeing off: a slow client gets all that was said, and the end", "[kernel_tls]") {
    if (const auto why = lacks_kernel_tls())
        return skipped(*why);
    const same_descriptors check;
    service tls;
    full client{GENERATE(tls_1_2, tls_1_3)};
    client.close(tls.path);
    tls.accept();
    CHECK(client.reads() == std::pair{client.accepted, said_close_notify});
    CHECK(read_record(client.pair.far) == "FIN");
}

TEST_CASE("seeing off: where there is no room, the newest of the largest user goes, and no other",
          "[kernel_tls]") {
    if (const auto why = lacks_kernel_tls())
        return skipped(*why);
    const same_descriptors check;
    service tls;
    tls.limit(1);
    full first{tls_1_3}, second{tls_1_3};
    first.close(tls.path);
    tls.accept();
    second.close(tls.path);
    tls.accept();
    CHECK(second.reads().second != said_close_notify);
    CHECK(first.reads() == std::pair{first.accepted, said_close_notify});
}

TEST_CASE("seeing off: who takes nothing, or takes its time, is let go", "[kernel_tls]") {
    if (const auto why = lacks_kernel_tls())
        return skipped(*why);
    using std::chrono::hours;
    using std::chrono::milliseconds;
    const auto times = GENERATE(server::farewell_times{hours{1}, milliseconds{50}, hours{1}},
                                server::farewell_times{hours{1}, hours{1}, milliseconds{50}});
    const same_descriptors check;
    service tls;
    full client{tls_1_3};
    client.close(tls.path);
    tls.accept(times);
    CHECK(tls.is_done());
}

TEST_CASE("seeing off: what is no client of kernel TLS is closed, untouched") {
    const same_descriptors check;
    service tls;
    const auto pair = tcp_pair();
    for (std::uint8_t version = 1; version < 3; ++version) {
        const auto connection = handoff_test::connect_unix(tls.path);
        (void)handoff_test::send_with(connection, std::array{version}, std::array{pair.near.get()});
        tls.accept();
        CHECK(handoff_test::is_readable(connection.get(), 10'000));
        CHECK(handoff_test::answer_of(connection) == handoff_test::answer::closed);
    }
    say(pair.near, "still open");
    CHECK(hear_some(pair.far, 10) == "still open");
}

TEST_CASE("seeing off: who connects and says nothing is closed") {
    const same_descriptors check;
    service tls;
    const auto connection = handoff_test::connect_unix(tls.path);
    tls.accept();
    CHECK(handoff_test::is_readable(connection.get(), 10'000));
    CHECK(handoff_test::answer_of(connection) == handoff_test::answer::closed);
}
