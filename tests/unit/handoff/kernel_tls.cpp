// SPDX-License-Identifier: BSL-1.0
// What a client says besides data on a socket whose TLS the kernel speaks, and how its end is said.
#include "snipass/handoff/kernel_tls.h"

#include "catch.hpp"
#include "keyed_pair.hpp"
#include "same_descriptors.hpp"

#include <poll.h>

#include <string>
#include <vector>

using namespace snipass;
using namespace snipass::testing;
using namespace std::string_literals;

namespace {

constexpr unsigned char alert = 21, handshake = 22, data = 23, change_cipher_spec = 20;
const auto close_notify = "\1\0"s, said_close_notify = "21:\1\0"s;

// read_plainly is a server's read: what came, or the error.
std::string read_plainly(const os::unique_fd& fd) {
    std::array<char, 4'096> bytes;
    const auto n = ::recv(fd.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    return n < 0 ? std::generic_category().message(errno)
                 : std::string{bytes.data(), static_cast<std::size_t>(n)};
}

// after a read that fails as it must.
kernel_tls_event after(const os::unique_fd& fd, int error = EIO) {
    pollfd asked{fd.get(), POLLIN, 0};
    REQUIRE(::poll(&asked, 1, 10'000) == 1);
    std::array<char, 16> bytes;
    CHECK(::recv(fd.get(), bytes.data(), bytes.size(), MSG_DONTWAIT) == -1);
    CHECK(errno == error);
    errno = ENOENT;
    const auto event = kernel_tls_after_read(&handoff_libc, fd.get(), error);
    CHECK(errno == ENOENT);
    return event;
}

const std::string not_now = std::generic_category().message(EAGAIN);

struct row {
    const char* what;
    std::uint16_t version;
    unsigned char type;
    std::string bytes;
    kernel_tls_event event;
    std::string answer = {}; // what the client hears; "": nothing
};

const std::vector<row>& table() {
    const auto long_hello = "\1\0\x0b\xb4"s + std::string(2'996, 'a');
    static const std::vector<row> rows{
        {"close_notify", tls_1_3, alert, close_notify, kernel_tls_end},
        {"close_notify of 1.2", tls_1_2, alert, close_notify, kernel_tls_end},
        {"close_notify that is said to be fatal", tls_1_3, alert, "\2\0"s, kernel_tls_end},
        {"user_canceled", tls_1_3, alert, "\1\x5a", kernel_tls_again},
        {"a warning of 1.2", tls_1_2, alert, "\1\x64", kernel_tls_again},
        {"a warning of 1.3, which has none", tls_1_3, alert, "\1\x64", kernel_tls_reset},
        {"a fatal alert", tls_1_3, alert, "\2\x28", kernel_tls_reset},
        {"a fatal alert of 1.2", tls_1_2, alert, "\2\x28", kernel_tls_reset},
        {"an alert of one byte", tls_1_3, alert, "\1", kernel_tls_reset, "21:\2\x0a"},
        {"an alert of three bytes", tls_1_2, alert, "\1\0\0"s, kernel_tls_reset, "21:\2\x0a"},
        {"renegotiation", tls_1_2, handshake, long_hello, kernel_tls_again, "21:\1\x64"},
        {"a ClientHello of 1.3", tls_1_3, handshake, long_hello, kernel_tls_reset, "21:\2\x0a"},
        {"a ClientHello that does not end", tls_1_2, handshake, "\1\0\1\0a"s, kernel_tls_reset},
        {"a ClientHello of a megabyte", tls_1_2, handshake, "\1\x10\0\0a"s, kernel_tls_reset, "21:\2\x0a"},
        {"KeyUpdate", tls_1_3, handshake, "\x18\0\0\1\0"s, kernel_tls_reset, "21:\2\x50"},
        {"KeyUpdate of 1.2, which has none", tls_1_2, handshake, "\x18\0\0\1\0"s, kernel_tls_reset,
         "21:\2\x0a"},
        {"half a message", tls_1_2, handshake, "\1\0"s, kernel_tls_reset, "21:\2\x0a"},
        {"a record of another type", tls_1_3, change_cipher_spec, "\1", kernel_tls_reset, "21:\2\x0a"},
    };
    return rows;
}

} // namespace

TEST_CASE("kernel TLS: what a client says besides data is answered as TLS has it", "[kernel_tls]") {
    if (const auto why = lacks_kernel_tls())
        return skipped(*why);
    const same_descriptors check;
    for (const auto& one : table()) {
        INFO(one.what);
        const auto pair = keyed_pair(one.version);
        say(pair.far, "before");
        CHECK(hear_some(pair.near, 6) == "before"); // data come first
        send_record(pair.far, one.type, one.bytes);
        CHECK(after(pair.near) == one.event);
        if (one.event == kernel_tls_again) { // all of it was taken: what is behind it comes
            CHECK(read_plainly(pair.near) == not_now);
            say(pair.far, "behind");
            CHECK(hear_some(pair.near, 6) == "behind");
        }
        ::shutdown(pair.near.get(), SHUT_WR);
        CHECK(read_record(pair.far) == (one.answer.empty() ? "FIN" : one.answer));
    }
}

TEST_CASE("kernel TLS: a record that was read with room for its type is the same", "[kernel_tls]") {
    if (const auto why = lacks_kernel_tls())
        return skipped(*why);
    for (const auto& one : table()) {
        INFO(one.what);
        const auto pair = keyed_pair(one.version);
        send_record(pair.far, one.type, one.bytes);
        const auto read = read_record(pair.near);
        const auto bytes = read.substr(read.find(':') + 1);
        kernel_tls_record record{one.type, {}, std::min<std::size_t>(bytes.size(), 4), bytes.size()};
        std::memcpy(record.start, bytes.data(), record.size);
        CHECK(kernel_tls_after_record(&handoff_libc, pair.near.get(), &record) == one.event);
        ::shutdown(pair.near.get(), SHUT_WR);
        CHECK(read_record(pair.far) == (one.answer.empty() ? "FIN" : one.answer));
    }
}

TEST_CASE("kernel TLS: after close_notify the kernel itself says that it is the end", "[kernel_tls]") {
    if (const auto why = lacks_kernel_tls())
        return skipped(*why);
    const auto version = GENERATE(tls_1_2, tls_1_3);
    const auto pair = keyed_pair(version);
    if (version == tls_1_3)
        send_record(pair.far, alert, "\1\x5a"); // user_canceled comes before it, when it comes
    send_record(pair.far, alert, close_notify);
    if (version == tls_1_3)
        CHECK(after(pair.near) == kernel_tls_again);
    CHECK(after(pair.near) == kernel_tls_end);
    std::array<char, 16> bytes;
    CHECK(::recv(pair.near.get(), bytes.data(), bytes.size(), 0) ==
          0);                    // blocking, and the client is still there
    say(pair.near, "an answer"); // half-close
    CHECK(read_record(pair.far) == "23:an answer");
}

TEST_CASE("kernel TLS: what is no record is a reset", "[kernel_tls]") {
    if (const auto why = lacks_kernel_tls())
        return skipped(*why);
    const auto version = GENERATE(tls_1_2, tls_1_3);
    auto pair = tcp_pair();
    REQUIRE(keep_keys(pair.near, version));
    SECTION("HTTP in clear") {
        say(pair.far, "GET / HTTP/1.1\r\n\r\n");
        CHECK(after(pair.near, EINVAL) == kernel_tls_reset);
    }
    SECTION("a forged record") {
        say(pair.far, "\x17\3\3\0\x20"s + std::string(32, 'x'));
        CHECK(after(pair.near, EBADMSG) == kernel_tls_reset);
    }
}

TEST_CASE("kernel TLS: of another socket, or another error, nothing is said") {
    const auto pair = tcp_pair();
    CHECK(kernel_tls_version(&handoff_libc, pair.near.get()) == 0);
    for (const int error : {EIO, EBADMSG, EINVAL, EAGAIN, ECONNRESET, EINTR})
        CHECK(kernel_tls_after_read(&handoff_libc, pair.near.get(), error) == kernel_tls_no_part);
    CHECK(kernel_tls_after_read(&handoff_libc, -1, EIO) == kernel_tls_no_part);
    if (const auto why = lacks_kernel_tls())
        return;
    const auto keyed = keyed_pair(tls_1_3);
    CHECK(kernel_tls_version(&handoff_libc, keyed.near.get()) == kernel_tls_1_3);
    for (const int error : {EAGAIN, ECONNRESET, EINTR, ENOTCONN})
        CHECK(kernel_tls_after_read(&handoff_libc, keyed.near.get(), error) == kernel_tls_no_part);
    CHECK(kernel_tls_after_read(&handoff_libc, keyed.near.get(), EIO) ==
          kernel_tls_again); // nothing is there
}

TEST_CASE("kernel TLS: keys of one direction are none", "[kernel_tls]") {
    if (const auto why = lacks_kernel_tls())
        return skipped(*why);
    const auto pair = tcp_pair();
    REQUIRE(::setsockopt(pair.near.get(), IPPROTO_TCP, TCP_ULP, "tls", 3) == 0);
    CHECK(kernel_tls_version(&handoff_libc, pair.near.get()) == 0);
    REQUIRE(set_keys(pair.near, tls_1_2, TLS_RX));
    CHECK(kernel_tls_version(&handoff_libc, pair.near.get()) == 0);
    REQUIRE(set_keys(pair.near, tls_1_2, TLS_TX));
    CHECK(kernel_tls_version(&handoff_libc, pair.near.get()) == kernel_tls_1_2);
}

TEST_CASE("kernel TLS: a close says close_notify first, once", "[kernel_tls]") {
    if (const auto why = lacks_kernel_tls())
        return skipped(*why);
    auto pair = keyed_pair(GENERATE(tls_1_2, tls_1_3));
    SECTION("a close") {
        kernel_tls_before_close(&handoff_libc, pair.near.get(), nullptr, false);
        pair.near.reset();
        CHECK(read_record(pair.far) == said_close_notify);
        CHECK(read_record(pair.far) == "FIN");
    }
    SECTION("shutdown, then a close") {
        CHECK(kernel_tls_shutdown(&handoff_libc, pair.near.get(), SHUT_WR, nullptr) == 0);
        kernel_tls_before_close(&handoff_libc, pair.near.get(), nullptr, true);
        pair.near.reset();
        CHECK(read_record(pair.far) == said_close_notify);
        CHECK(read_record(pair.far) == "FIN");
    }
    SECTION("a close behind MSG_MORE: what waits for more is sent") {
        REQUIRE(::send(pair.near.get(), "more", 4, MSG_MORE) == 4);
        kernel_tls_before_close(&handoff_libc, pair.near.get(), nullptr, false);
        pair.near.reset();
        CHECK(read_record(pair.far) == "23:more");
        CHECK(read_record(pair.far) == said_close_notify);
    }
    SECTION("a server that wants a reset gets one") {
        const linger now{1, 0};
        REQUIRE(::setsockopt(pair.near.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now) == 0);
        kernel_tls_before_close(&handoff_libc, pair.near.get(), nullptr, false);
        pair.near.reset();
        CHECK(read_record(pair.far) == "RST");
    }
    SECTION("an end of reading is none of writing") {
        CHECK(kernel_tls_shutdown(&handoff_libc, pair.near.get(), SHUT_RD, nullptr) == 0);
        say(pair.near, "still here");
        CHECK(read_record(pair.far) == "23:still here");
    }
}

TEST_CASE("kernel TLS: an alert that nobody has read makes no reset of a close", "[kernel_tls]") {
    if (const auto why = lacks_kernel_tls())
        return skipped(*why);
    auto pair = keyed_pair(GENERATE(tls_1_2, tls_1_3));
    say(pair.near, "an answer");
    send_record(pair.far, alert, close_notify);
    pollfd asked{pair.near.get(), POLLIN, 0};
    REQUIRE(::poll(&asked, 1, 10'000) == 1);
    kernel_tls_before_close(&handoff_libc, pair.near.get(), nullptr, false);
    pair.near.reset();
    CHECK(read_record(pair.far) == "23:an answer");
    CHECK(read_record(pair.far) == said_close_notify);
    CHECK(read_record(pair.far) == "FIN");
}
