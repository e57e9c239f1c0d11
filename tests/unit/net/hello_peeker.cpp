// SPDX-License-Identifier: BSL-1.0
#include "snipass/net/hello_peeker.hpp"

#include "catch.hpp"
#include "catch_result.hpp"
#include "hello_reading.hpp"
#include "same_descriptors.hpp"
#include "snipass/net/wait_error.hpp"
#include "snipass/os/error.hpp"
#include "snipass/os/tcp.hpp"
#include "snipass/tls/hello_error.hpp"
#include "tcp_client.hpp"

#include <thread>

using namespace snipass;
using namespace snipass::testing;
using net::hello_state;

namespace {

constexpr std::size_t hello_max = default_hello_max;

hello_builder example() {
    return hello_builder::tls13().server_name("www.example.com");
}

// How a hello was read from a socket, with as many looks as were needed.
struct reading {
    result<hello_state> state = hello_state::partial;
    bytes message;
    std::size_t hello_size = 0;
    std::size_t looks = 0;
};

// read does what a session does: look, and wait for what is known to be missing. A
// socket that is readable without that gets more room, and a little time.
reading read(int fd, std::size_t max = hello_max) {
    net::hello_peeker peeker{max};
    net::peek_buffer buffer;
    reading done;
    for (std::size_t asked = 0;;) {
        ++done.looks;
        done.state = peeker.look(fd, buffer);
        if (!done.state)
            return done;
        if (*done.state == hello_state::complete)
            break;
        if (peeker.bytes().size() < asked) {
            REQUIRE_FALSE(os::make_room(fd, 4 * asked));
            std::this_thread::sleep_for(std::chrono::milliseconds{10});
        }
        asked = peeker.needed();
        REQUIRE_FALSE(os::wait_for_bytes(fd, asked));
        if (!is_readable(fd))
            throw std::runtime_error{"the bytes never came"};
    }
    const auto message = peeker.message(buffer);
    done.message.assign(message.begin(), message.end());
    done.hello_size = peeker.hello_size();
    return done;
}

// send_in_pieces sends from a thread of its own, each piece as a segment as far as TCP_NODELAY can make it
// so.
std::jthread send_in_pieces(const tcp_client& client, const bytes& stream, std::size_t piece) {
    return std::jthread{[&client, &stream, piece](const std::stop_token& stop) {
        for (std::size_t at = 0; at < stream.size() && !stop.stop_requested(); at += piece)
            client.send(byte_view{stream}.subspan(at, std::min(piece, stream.size() - at)));
    }};
}

void check_read(const bytes& stream, const bytes& message, std::size_t piece, std::size_t most_looks) {
    CAPTURE(stream.size(), piece);
    const same_descriptors check;
    const tcp_connection pair;
    const auto sender = send_in_pieces(pair.client, stream, piece);
    const auto done = read(pair.accepted.get());
    REQUIRE(done.state);
    CHECK(done.message == message);
    CHECK(done.hello_size == stream.size());
    CHECK(done.looks <= most_looks);
    CHECK(unread(pair.accepted.get()) == stream.size()); // it was only looked at
}

} // namespace

TEST_CASE("hello_peeker: a hello that is there takes one look") {
    const same_descriptors check;
    const tcp_connection pair;
    const auto stream = example().stream();
    pair.client.send(stream);
    wait_until_unread(pair.accepted.get(), stream.size());
    const auto done = read(pair.accepted.get());
    REQUIRE(done.state);
    CHECK(done.looks == 1);
    CHECK(done.message == example().message());
    CHECK(unread(pair.accepted.get()) == stream.size());
}

TEST_CASE(
    "hello_peeker: a hello in two segments takes two looks, wherever it is cut behind its first bytes") {
    const auto stream = example().stream();
    for (std::size_t cut = 9; cut < stream.size(); cut += 50) {
        CAPTURE(cut);
        const tcp_connection pair;
        pair.client.send_segment(byte_view{stream}.first(cut));
        net::hello_peeker peeker{hello_max};
        net::peek_buffer buffer;
        CHECK(peeker.look(pair.accepted.get(), buffer).value() == hello_state::partial);
        CHECK(peeker.needed() == stream.size());
        CHECK(peeker.bytes().size() == cut);
        pair.client.send_segment(byte_view{stream}.subspan(cut));
        CHECK(peeker.look(pair.accepted.get(), buffer).value() == hello_state::complete);
    }
}

TEST_CASE("hello_peeker: trickled byte by byte, the looks are few") {
    check_read(example().stream(), example().message(), 1, 6);
}

TEST_CASE("hello_peeker: a hello of 64 KiB, in one piece and in segments of any size") {
    const auto hello = example().message_size(hello_max);
    const auto stream = hello.stream();
    check_read(stream, hello.message(), stream.size(), 12);
    check_read(stream, hello.message(), 1448, 12);
    check_read(stream, hello.message(), 1, 12);
}

TEST_CASE("hello_peeker: records of one byte") {
    const auto small = example();
    check_read(small.stream(1), small.message(), 1'000'000, 20);
    check_read(small.stream(1), small.message(), 1, 80);
}

TEST_CASE("hello_peeker: 64 KiB in records of one byte, the largest stream there is") {
    const auto hello = example().message_size(hello_max);
    const auto stream = hello.stream(1);
    REQUIRE(stream.size() == 6 * hello_max);
    for (const std::size_t piece : {stream.size(), std::size_t{1448}, std::size_t{6}})
        check_read(stream, hello.message(), piece, 100);
}

TEST_CASE("hello_peeker: hello_max is the largest, one byte more is refused when its length is seen") {
    const same_descriptors check;
    const auto limit = example().message().size();
    const auto stream = example().stream();
    for (const std::size_t max : {limit, limit - 1}) {
        CAPTURE(max);
        const tcp_connection pair;
        pair.client.send_segment(max == limit ? byte_view{stream} : byte_view{stream}.first(9));
        const auto done = read(pair.accepted.get(), max);
        if (max == limit)
            CHECK(done.state);
        else
            CHECK(done.state.error() == tls::hello_error::message_too_long);
    }
}

TEST_CASE("hello_peeker: nothing there is partial, and one byte is needed") {
    const tcp_connection pair;
    net::hello_peeker peeker{hello_max};
    net::peek_buffer buffer;
    CHECK(peeker.look(pair.accepted.get(), buffer).value() == hello_state::partial);
    CHECK(peeker.needed() == 1);
    CHECK(peeker.bytes().empty());
    CHECK_FALSE(peeker.is_current(buffer));
}

TEST_CASE("hello_peeker: a client that left before it said anything is an end of file, or a reset") {
    const same_descriptors check;
    tcp_connection closed;
    closed.client.close();
    REQUIRE(is_readable(closed.accepted.get()));
    CHECK(read(closed.accepted.get()).state.error() == net::wait_error::end_of_file);
    tcp_connection reset;
    reset.client.reset();
    REQUIRE(is_readable(reset.accepted.get()));
    CHECK(os::is_disconnect(read(reset.accepted.get()).state.error()));
}

TEST_CASE("hello_peeker: what is no TLS is refused at its first byte") {
    const tcp_connection pair;
    pair.client.send_segment(as_bytes("G"));
    CHECK(read(pair.accepted.get()).state.error() == tls::hello_error::not_tls);
}

TEST_CASE("hello_peeker: what comes behind the hello is seen and left") {
    const tcp_connection pair;
    const auto stream = example().stream();
    pair.client.send_segment(joined({stream, record(bytes(100), 23)}));
    net::hello_peeker peeker{hello_max};
    net::peek_buffer buffer;
    REQUIRE(peeker.look(pair.accepted.get(), buffer).value() == hello_state::complete);
    CHECK(peeker.hello_size() == stream.size());
    CHECK(peeker.bytes().size() == stream.size() + 105);
    CHECK(peeker.first_bytes().size() == stream.size());
}

TEST_CASE("hello_peeker: of what is no hello, as many bytes as the smallest receiver has room for") {
    const tcp_connection pair;
    net::hello_peeker peeker{hello_max};
    net::peek_buffer buffer;
    const auto size = GENERATE(1U, 2048U, 2049U, 4000U);
    pair.client.send_segment(bytes(size, 'G'));
    wait_until_unread(pair.accepted.get(), size);
    CHECK(peeker.look(pair.accepted.get(), buffer).error() == tls::hello_error::not_tls);
    CHECK(peeker.first_bytes().size() == std::min<std::size_t>(size, 2048));
}

TEST_CASE("hello_peeker: the buffer is the last one's who looked") {
    const tcp_connection one;
    const tcp_connection two;
    const auto stream = example().stream();
    one.client.send_segment(stream);
    two.client.send_segment(stream);
    net::peek_buffer buffer;
    net::hello_peeker first{hello_max};
    net::hello_peeker second{hello_max};
    REQUIRE(first.look(one.accepted.get(), buffer));
    CHECK(first.is_current(buffer));
    REQUIRE(second.look(two.accepted.get(), buffer));
    CHECK_FALSE(first.is_current(buffer));
    CHECK(second.is_current(buffer));
}

// The look that fails has made the buffer grow, so what lay in it is gone.
TEST_CASE("hello_peeker: a look that fails takes the buffer all the same") {
    const same_descriptors check;
    const tcp_connection one;
    tcp_connection two;
    net::peek_buffer buffer;
    net::hello_peeker second{hello_max};
    two.client.send_segment(byte_view{example().message_size(hello_max).stream()}.first(9));
    REQUIRE(second.look(two.accepted.get(), buffer).value() == hello_state::partial);
    REQUIRE(second.needed() > 4096);

    net::hello_peeker first{hello_max};
    one.client.send_segment(example().stream());
    REQUIRE(first.look(one.accepted.get(), buffer).value() == hello_state::complete);
    two.client.reset();
    REQUIRE(is_readable(two.accepted.get()));
    while (os::discard(two.accepted.get(), 100)) {
    }
    CHECK_FALSE(second.look(two.accepted.get(), buffer));
    CHECK_FALSE(first.is_current(buffer));
}

TEST_CASE("hello_peeker: a hello whose beginning was read elsewhere is one hello") {
    const same_descriptors check;
    const auto hello = example().stream();
    const std::size_t cut = GENERATE_COPY(std::size_t{1}, std::size_t{4}, std::size_t{100}, hello.size());
    tcp_connection pair;
    const auto before = byte_view{hello}.first(cut);
    pair.client.send(byte_view{hello}.subspan(cut));
    pair.client.send("more");
    wait_until_unread(pair.accepted.get(), hello.size() - cut + 4);
    net::peek_buffer buffer;
    net::hello_peeker peeker{hello_max};
    REQUIRE(peeker.look(pair.accepted.get(), buffer, before).value() == hello_state::complete);
    CHECK(peeker.hello_size() == hello.size());
    CHECK(std::ranges::equal(peeker.bytes().first(hello.size()), hello));
    CHECK(unread(pair.accepted.get()) == hello.size() - cut + 4);
}

TEST_CASE("hello_peeker: what is missing is counted from the hello's beginning") {
    const same_descriptors check;
    const auto hello = example().stream();
    tcp_connection pair;
    net::peek_buffer buffer;
    net::hello_peeker peeker{hello_max};
    const auto before = byte_view{hello}.first(10);
    REQUIRE(peeker.look(pair.accepted.get(), buffer, before).value() == hello_state::partial);
    CHECK(peeker.needed() == hello.size());
    CHECK(peeker.bytes().size() == 10);
    pair.client.finish();
    REQUIRE(is_readable(pair.accepted.get()));
    CHECK(peeker.look(pair.accepted.get(), buffer, before).error() == net::wait_error::end_of_file);
}

TEST_CASE("hello_peeker: a client that said all elsewhere and left has said all") {
    const same_descriptors check;
    const auto hello = example().stream();
    tcp_connection pair;
    net::peek_buffer buffer;
    net::hello_peeker peeker{hello_max};
    pair.client.finish();
    REQUIRE(is_readable(pair.accepted.get()));
    CHECK(peeker.look(pair.accepted.get(), buffer, hello).value() == hello_state::complete);
}
