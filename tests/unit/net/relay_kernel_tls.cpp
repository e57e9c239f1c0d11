// SPDX-License-Identifier: BSL-1.0
// A relayed client on whose socket the kernel speaks TLS: its ends are records.
#include "snipass/delivery/client_socket.hpp"
#include "snipass/net/relay_group.hpp"

#include "catch.hpp"
#include "keyed_pair.hpp"
#include "relaying.hpp"
#include "sockets.hpp"

#include <sys/socket.h>

#include <string>
#include <thread>

using namespace snipass;
using namespace snipass::testing;
using namespace std::chrono_literals;
using net::relay_end;

namespace {

constexpr unsigned char alert = 21, handshake = 22;
const std::string close_notify{"\1\0", 2}, user_canceled{"\1\x5a", 2};
const std::string key_update{"\x18\0\0\1\0", 5};

struct kernel_tls_relay {
    explicit kernel_tls_relay(std::uint16_t version)
        : client(keyed_pair(version)), backend(tcp_pair()), end(here.start(client, backend, {}, true)) {}

    relaying here;
    socket_pair client; // near: the client's side
    socket_pair backend;
    std::future<net::relay_result> end;
};

// The answer as the client hears it, up to the first record that is none of data, which is `last`.
std::size_t hear_records(const os::unique_fd& fd, std::string& last) {
    std::size_t size = 0;
    while ((last = read_record(fd)).starts_with("23:"))
        size += last.size() - 3;
    return size;
}

} // namespace

TEST_CASE("relay: a client's close_notify is its FIN, and the backend's FIN is close_notify",
          "[kernel_tls]") {
    if (const auto why = lacks_kernel_tls())
        return skipped(*why);
    for (const auto version : {tls_1_2, tls_1_3}) {
        INFO("version " << version);
        kernel_tls_relay one{version};
        say(one.client.near, "question");
        send_record(one.client.near, alert, user_canceled);
        send_record(one.client.near, alert, close_notify);
        CHECK(hear(one.backend.near).text == "question"); // to its end
        say(one.backend.near, "answer");
        say_end(one.backend.near);
        CHECK(read_record(one.client.near) == "23:answer");
        CHECK(read_record(one.client.near) == "21:" + close_notify);
        CHECK(read_record(one.client.near) == "FIN");
        CHECK(result_of(one.end).end == relay_end::finished);
    }
}

TEST_CASE("relay: what the kernel cannot go on with ends the client", "[kernel_tls]") {
    if (const auto why = lacks_kernel_tls())
        return skipped(*why);
    kernel_tls_relay one{tls_1_3};
    say(one.client.near, "question");
    CHECK(hear_some(one.backend.near, 8) == "question");
    send_record(one.client.near, handshake, key_update);
    CHECK(hear(one.backend.near).end == "RST");
    CHECK(result_of(one.end).end == relay_end::client_reset);
}

TEST_CASE("relay: a client of kernel TLS that takes its time gets the last record, too", "[kernel_tls]") {
    if (const auto why = lacks_kernel_tls())
        return skipped(*why);
    const std::size_t size = 3'000'000;
    for (const auto version : {tls_1_2, tls_1_3}) {
        INFO("version " << version);
        kernel_tls_relay one{version};
        std::jthread answers{[&] {
            say(one.backend.near, std::string(size, '.'));
            say_end(one.backend.near);
        }};
        std::this_thread::sleep_for(300ms); // all that has room is under way
        std::string last;
        CHECK(hear_records(one.client.near, last) == size);
        CHECK(last == "21:" + close_notify);
        send_record(one.client.near, alert, close_notify);
        CHECK(result_of(one.end).end == relay_end::finished);
    }
}

TEST_CASE("client socket: bytes are taken out of one on which the kernel speaks TLS, and it lives",
          "[kernel_tls]") {
    if (const auto why = lacks_kernel_tls())
        return skipped(*why);
    for (const auto version : {tls_1_2, tls_1_3}) {
        INFO("version " << version);
        auto pair = keyed_pair(version);
        say(pair.near, "headbody");
        const server::client_socket client{std::move(pair.far), true};
        pollfd bytes{client.get(), POLLIN, 0};
        REQUIRE(::poll(&bytes, 1, 10'000) == 1);
        const auto taken = client.take_out(4);
        REQUIRE(taken);
        CHECK(*taken == 4);
        int error = -1;
        socklen_t length = sizeof error;
        REQUIRE(::getsockopt(client.get(), SOL_SOCKET, SO_ERROR, &error, &length) == 0);
        CHECK(error == 0);
        char rest[8];
        CHECK(::recv(client.get(), rest, sizeof rest, 0) == 4);
    }
}
