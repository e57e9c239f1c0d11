// SPDX-License-Identifier: BSL-1.0
// The last record of a client whose buffer is full, which close() would drop: it goes to whoever can wait.
#include "snipass/handoff/farewell.h"

#include "catch.hpp"
#include "handoff_sender.hpp"
#include "keyed_pair.hpp"
#include "same_descriptors.hpp"
#include "snipass/handoff/kernel_tls.h"

#include <chrono>
#include <thread>

using namespace snipass;
using namespace snipass::testing;

namespace {

// taker listens as snipass-tls does.
struct taker {
    handoff_test::temporary_folder folder;
    std::string path = folder.path / "farewell.sock";
    os::unique_fd listener{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};

    taker() {
        const auto address = handoff_test::unix_address(path);
        REQUIRE(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
        REQUIRE(::listen(listener.get(), 8) == 0);
    }
    // take returns what was given; nothing where nothing was.
    [[nodiscard]] os::unique_fd take() const {
        const os::unique_fd connection{::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC)};
        if (!connection)
            return {};
        handoff_farewell_taken taken;
        handoff_take_farewell(&handoff_libc, connection.get(), &taken);
        while (taken.foreign_count > 0)
            handoff_close_foreign(&handoff_libc, taken.foreign[--taken.foreign_count]);
        return os::unique_fd{taken.client};
    }
};

// fill writes until the buffer is full, and returns how much was accepted.
std::size_t fill(const os::unique_fd& fd) {
    set_nonblocking(fd);
    const std::string piece(20'000, 'x');
    std::size_t accepted = 0;
    for (;;) {
        const auto n = ::send(fd.get(), piece.data(), piece.size(), MSG_NOSIGNAL);
        if (n < 0) {
            REQUIRE(errno == EAGAIN);
            return accepted;
        }
        accepted += static_cast<std::size_t>(n);
    }
}

// read_all returns how many bytes of data came, and what came behind them.
std::pair<std::size_t, std::string> read_all(const os::unique_fd& fd) {
    std::size_t size = 0;
    for (;;) {
        const auto record = read_record(fd);
        if (record.rfind("23:", 0) != 0)
            return {size, record};
        size += record.size() - 3;
    }
}

} // namespace

TEST_CASE("farewell: nothing that was accepted is lost at the end of a client with a full buffer",
          "[kernel_tls]") {
    if (const auto why = lacks_kernel_tls())
        return skipped(*why);
    const same_descriptors check;
    const auto version = GENERATE(tls_1_2, tls_1_3);
    const bool by_shutdown = GENERATE(false, true);
    const taker tls;
    auto pair = keyed_pair(version, 4'096);
    set_buffers(pair.near, 30'000, 4'096);
    const auto accepted = fill(pair.near);
    if (by_shutdown)
        CHECK(kernel_tls_shutdown(&handoff_libc, pair.near.get(), SHUT_WR, tls.path.c_str()) == 0);
    kernel_tls_before_close(&handoff_libc, pair.near.get(), tls.path.c_str(), by_shutdown);
    pair.near.reset();
    auto last = tls.take();
    REQUIRE(last);
    std::thread other{[&] { // as snipass-tls: it waits for room
        while (!kernel_tls_say_end(&handoff_libc, last.get()) && errno == EAGAIN)
            std::this_thread::sleep_for(std::chrono::milliseconds{1});
        ::shutdown(last.get(), SHUT_WR);
        last.reset();
    }};
    const auto [size, behind] = read_all(pair.far);
    other.join();
    CHECK(size == accepted);
    CHECK(behind == std::string("21:\1\0", 5));
    CHECK(read_record(pair.far) == "FIN");
}

// Between "full" and "room for more" the kernel accepts records that it cannot send, and a FIN overtakes
// them.
TEST_CASE("farewell: once the end is said, all that was accepted is on its way", "[kernel_tls]") {
    if (const auto why = lacks_kernel_tls())
        return skipped(*why);
    const auto version = GENERATE(tls_1_2, tls_1_3);
    for (int i = 0; i < 30; ++i) {
        const auto pair = keyed_pair(version, 4'096);
        set_buffers(pair.near, 30'000, 4'096);
        const auto accepted = fill(pair.near);
        std::pair<std::size_t, std::string> heard;
        std::thread client{[&] { heard = read_all(pair.far); }};
        while (!kernel_tls_say_end(&handoff_libc, pair.near.get()) && errno == EAGAIN)
            std::this_thread::sleep_for(std::chrono::microseconds{300});
        ::shutdown(pair.near.get(), SHUT_WR);
        client.join();
        CHECK(heard == std::pair{accepted, std::string("21:\1\0", 5)});
    }
}

TEST_CASE("farewell: a client that has room for close_notify is not given away", "[kernel_tls]") {
    if (const auto why = lacks_kernel_tls())
        return skipped(*why);
    const taker tls;
    const auto pair = keyed_pair(tls_1_3);
    kernel_tls_before_close(&handoff_libc, pair.near.get(), tls.path.c_str(), false);
    CHECK_FALSE(tls.take());
}

TEST_CASE("farewell: only a client whose TLS the kernel speaks is taken, and of the version that is known") {
    const same_descriptors check;
    const taker tls;
    const auto pair = tcp_pair();
    CHECK(handoff_farewell(&handoff_libc, tls.path.c_str(), pair.near.get()));
    CHECK_FALSE(tls.take()); // no keys
    CHECK_FALSE(handoff_farewell(&handoff_libc, "/nonexistent/farewell.sock", pair.near.get()));
    CHECK_FALSE(handoff_farewell(&handoff_libc, "", pair.near.get()));
    CHECK_FALSE(handoff_farewell(&handoff_libc, nullptr, pair.near.get()));
    if (lacks_kernel_tls())
        return;
    const auto keyed = keyed_pair(tls_1_3);
    for (std::uint8_t version = 0; version < 3; ++version) {
        const auto connection = handoff_test::connect_unix(tls.path);
        (void)handoff_test::send_with(connection, std::array{version}, std::array{keyed.near.get()});
        CHECK(static_cast<bool>(tls.take()) == (version == handoff_farewell_version));
    }
}
