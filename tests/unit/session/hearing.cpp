// SPDX-License-Identifier: BSL-1.0
#include "snipass/session/hearing.hpp"

#include "catch.hpp"
#include "catch_result.hpp"
#include "hello_reading.hpp"
#include "run_coroutine.hpp"
#include "same_descriptors.hpp"
#include "snipass/delivery/routed_client.hpp"
#include "snipass/net/wait_error.hpp"
#include "snipass/opening/head_reader.hpp"
#include "snipass/opening/hello_reader.hpp"
#include "snipass/os/error.hpp"
#include "snipass/os/tcp.hpp"
#include "tcp_client.hpp"

#include <unistd.h>

#include <thread>

using namespace snipass;
using namespace snipass::testing;
namespace server = snipass::server;
using server::hear_now;

namespace {

constexpr std::size_t hello_max = default_hello_max;

hello_builder example() {
    return hello_builder::tls13().server_name("www.example.com");
}

// The test keeps its own, which it looks into.
server::client_socket copy_of(int fd) {
    return server::client_socket{os::unique_fd{::dup(fd)}, true};
}

// A thread that listens to one client.
struct ear {
    explicit ear(std::size_t max = hello_max) : reader(max) {}

    error_code look(int fd) { return look(fd, reader); }
    error_code look(int fd, opening::reader& by) {
        client.socket = copy_of(fd);
        return hear_now(client, by, expected);
    }
    [[nodiscard]] bool needs_more(const error_code& ec) const {
        return os::would_block(ec) && std::holds_alternative<opening::need>(thread.heard);
    }
    [[nodiscard]] std::size_t needed() const { return std::get<opening::need>(thread.heard).bytes; }
    [[nodiscard]] const opening::question& question() const {
        return std::get<opening::question>(thread.heard);
    }
    [[nodiscard]] const opening::refused& refused() const { return std::get<opening::refused>(thread.heard); }

    server::log target{config::log_settings{}};
    server::address_book book;
    server::context thread{book, target};
    server::unrouted_client client{thread, {}, {}};
    opening::hello_reader reader;
    std::size_t expected = 0;
};

// How a hello was read from a socket, with as many looks as were needed.
struct reading {
    error_code problem;
    bool is_question = false;
    std::string name;
    std::string why;
    std::size_t size = 0;
    std::size_t looks = 0;
};

// read does what a session does: look, and wait for what is known to be missing. A
// socket that is readable without that gets more room, and a little time.
reading read(int fd, std::size_t max = hello_max) {
    ear one{max};
    reading done;
    for (;;) {
        ++done.looks;
        done.problem = one.look(fd);
        if (!os::would_block(done.problem))
            break;
        if (one.client.about.hello_bytes < one.expected) {
            REQUIRE_FALSE(os::make_room(fd, 4 * one.expected));
            std::this_thread::sleep_for(std::chrono::milliseconds{10});
        }
        one.expected = one.needed();
        REQUIRE_FALSE(os::wait_for_bytes(fd, one.expected));
        if (!is_readable(fd))
            throw std::runtime_error{"the bytes never came"};
    }
    if (done.problem)
        return done;
    if (const auto* const asked = std::get_if<opening::question>(&one.thread.heard)) {
        done.is_question = true;
        done.name = asked->name.value_or("");
        done.size = asked->size;
    } else {
        done.why = one.refused().why;
    }
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

void check_read(const bytes& stream, std::size_t piece, std::size_t most_looks) {
    CAPTURE(stream.size(), piece);
    const same_descriptors check;
    const tcp_connection pair;
    const auto sender = send_in_pieces(pair.client, stream, piece);
    const auto done = read(pair.accepted.get());
    REQUIRE(done.is_question);
    CHECK(done.name == "www.example.com");
    CHECK(done.size == stream.size());
    CHECK(done.looks <= most_looks);
    CHECK(unread(pair.accepted.get()) == stream.size()); // it was only looked at
}

} // namespace

TEST_CASE("hearing: a hello that is there takes one look") {
    const same_descriptors check;
    const tcp_connection pair;
    const auto stream = example().stream();
    pair.client.send(stream);
    wait_until_unread(pair.accepted.get(), stream.size());
    const auto done = read(pair.accepted.get());
    REQUIRE(done.is_question);
    CHECK(done.looks == 1);
    CHECK(done.name == "www.example.com");
    CHECK(unread(pair.accepted.get()) == stream.size());
}

TEST_CASE("hearing: a hello in two segments takes two looks, wherever it is cut behind its first bytes") {
    const auto stream = example().stream();
    for (std::size_t cut = 9; cut < stream.size(); cut += 50) {
        CAPTURE(cut);
        const tcp_connection pair;
        pair.client.send_segment(byte_view{stream}.first(cut));
        ear one;
        CHECK(one.needs_more(one.look(pair.accepted.get())));
        CHECK(one.needed() == stream.size());
        CHECK(one.client.about.hello_bytes == cut);
        pair.client.send_segment(byte_view{stream}.subspan(cut));
        CHECK_FALSE(one.look(pair.accepted.get()));
        CHECK(one.question().size == stream.size());
    }
}

TEST_CASE("hearing: trickled byte by byte, the looks are few") {
    check_read(example().stream(), 1, 6);
}

TEST_CASE("hearing: a hello of 64 KiB, in one piece and in segments of any size") {
    const auto hello = example().message_size(hello_max);
    const auto stream = hello.stream();
    check_read(stream, stream.size(), 12);
    check_read(stream, 1448, 12);
    check_read(stream, 1, 12);
}

TEST_CASE("hearing: records of one byte") {
    const auto small = example();
    check_read(small.stream(1), 1'000'000, 20);
    check_read(small.stream(1), 1, 80);
}

TEST_CASE("hearing: 64 KiB in records of one byte, the largest stream there is") {
    const auto hello = example().message_size(hello_max);
    const auto stream = hello.stream(1);
    REQUIRE(stream.size() == 6 * hello_max);
    for (const std::size_t piece : {stream.size(), std::size_t{1448}, std::size_t{6}})
        check_read(stream, piece, 100);
}

TEST_CASE("hearing: hello_max is the largest, one byte more is refused when its length is seen") {
    const same_descriptors check;
    const auto limit = example().message().size();
    const auto stream = example().stream();
    for (const std::size_t max : {limit, limit - 1}) {
        CAPTURE(max);
        const tcp_connection pair;
        pair.client.send_segment(max == limit ? byte_view{stream} : byte_view{stream}.first(9));
        const auto done = read(pair.accepted.get(), max);
        if (max == limit)
            CHECK(done.is_question);
        else
            CHECK(done.why == "a ClientHello over hello_max");
    }
}

TEST_CASE("hearing: nothing there is no answer, and one byte is needed") {
    const tcp_connection pair;
    ear one;
    CHECK(one.needs_more(one.look(pair.accepted.get())));
    CHECK(one.needed() == 1);
    CHECK(one.client.about.hello_bytes == 0);
}

TEST_CASE("hearing: a client that left before it said anything is an end of file, or a reset") {
    const same_descriptors check;
    tcp_connection closed;
    closed.client.close();
    REQUIRE(is_readable(closed.accepted.get()));
    CHECK(read(closed.accepted.get()).problem == net::wait_error::end_of_file);
    tcp_connection reset;
    reset.client.reset();
    REQUIRE(is_readable(reset.accepted.get()));
    CHECK(os::is_disconnect(read(reset.accepted.get()).problem));
}

TEST_CASE("hearing: what is no TLS is refused at its first byte") {
    const tcp_connection pair;
    pair.client.send_segment(as_bytes("G"));
    CHECK(read(pair.accepted.get()).why == "no TLS record (RFC 8446 section 5.1)");
}

TEST_CASE("hearing: what comes behind the hello is seen and left") {
    const tcp_connection pair;
    const auto stream = example().stream();
    pair.client.send_segment(joined({stream, record(bytes(100), 23)}));
    ear one;
    REQUIRE_FALSE(one.look(pair.accepted.get()));
    CHECK(one.question().size == stream.size());
    CHECK(one.thread.buffer.bytes.size() == stream.size() + 105);
    CHECK(unread(pair.accepted.get()) == stream.size() + 105);
}

TEST_CASE("hearing: a routed client's opening is looked at again only if somebody else has looked since") {
    const same_descriptors check;
    tcp_connection one;
    tcp_connection two;
    const auto stream = example().stream();
    one.client.send_segment(joined({stream, record(bytes(100), 23)}));
    two.client.send_segment(stream);
    wait_until_unread(one.accepted.get(), stream.size() + 105);
    ear first;
    REQUIRE_FALSE(first.look(one.accepted.get()));
    const int fd = one.accepted.get();
    const std::shared_ptr<server::configuration_snapshot> none;
    std::vector<std::uint8_t> consumed;
    server::routed_client client{first.thread,  none,
                                 stream.size(), first.client.about,
                                 consumed,      server::client_socket{std::move(one.accepted)}};
    CHECK(std::ranges::equal(client.first_bytes().value(), stream));

    server::unrouted_client other{first.thread, copy_of(two.accepted.get()), {}};
    opening::hello_reader reader{hello_max};
    REQUIRE_FALSE(hear_now(other, reader));
    CHECK(first.thread.buffer.holder == &other.about);
    CHECK(std::ranges::equal(client.first_bytes().value(), stream));
    CHECK(first.thread.buffer.holder == &first.client.about);
    CHECK_FALSE(std::holds_alternative<opening::question>(first.thread.heard)); // it was the other's
    CHECK(unread(fd) == stream.size() + 105);
}

// The look that fails has made the buffer grow, so what lay in it is gone.
TEST_CASE("hearing: a look that fails takes the buffer all the same") {
    const same_descriptors check;
    tcp_connection one;
    tcp_connection two;
    ear first;
    one.client.send_segment(example().stream());
    REQUIRE_FALSE(first.look(one.accepted.get()));
    two.client.reset();
    REQUIRE(is_readable(two.accepted.get()));
    server::unrouted_client other{first.thread, copy_of(two.accepted.get()), {}};
    opening::hello_reader reader{hello_max};
    CHECK(hear_now(other, reader, 100'000));
    CHECK(first.thread.buffer.holder == nullptr);
}

TEST_CASE("hearing: a hello whose beginning was read elsewhere is one hello") {
    const same_descriptors check;
    const auto hello = example().stream();
    const std::size_t cut = GENERATE_COPY(std::size_t{1}, std::size_t{4}, std::size_t{100}, hello.size());
    tcp_connection pair;
    pair.client.send(byte_view{hello}.subspan(cut));
    pair.client.send("more");
    wait_until_unread(pair.accepted.get(), hello.size() - cut + 4);
    ear one;
    one.client.consumed.assign(hello.begin(), hello.begin() + static_cast<std::ptrdiff_t>(cut));
    REQUIRE_FALSE(one.look(pair.accepted.get()));
    CHECK(one.question().size == hello.size());
    CHECK(std::ranges::equal(one.thread.buffer.bytes.first(hello.size()), hello));
    CHECK(unread(pair.accepted.get()) == hello.size() - cut + 4);
}

TEST_CASE("hearing: what is missing is counted from the hello's beginning") {
    const same_descriptors check;
    const auto hello = example().stream();
    tcp_connection pair;
    ear one;
    one.client.consumed.assign(hello.begin(), hello.begin() + 10);
    CHECK(one.needs_more(one.look(pair.accepted.get())));
    CHECK(one.needed() == hello.size());
    CHECK(one.client.about.hello_bytes == 10);
    pair.client.finish();
    REQUIRE(is_readable(pair.accepted.get()));
    CHECK(one.look(pair.accepted.get()) == net::wait_error::end_of_file);
}

TEST_CASE("hearing: a client that said all elsewhere and left has said all") {
    const same_descriptors check;
    const auto hello = example().stream();
    tcp_connection pair;
    ear one;
    one.client.consumed = hello;
    pair.client.finish();
    REQUIRE(is_readable(pair.accepted.get()));
    REQUIRE_FALSE(one.look(pair.accepted.get()));
    CHECK(one.question().size == hello.size());
}

namespace {

// A preamble as STARTTLS has it: two requests of two bytes, each with its answer.
class polite_reader final : public opening::reader {
  public:
    [[nodiscard]] opening::answer read(byte_view stream, std::vector<std::uint8_t>& /*scratch*/) override {
        if (stream.size() < 2)
            return opening::need{2};
        const auto request = as_text(stream.first(2));
        if (request == "A?")
            return opening::step{.consume = 2, .say = "A!"};
        if (request == "B?")
            return opening::step{.consume = 2, .say = "B!", .is_last = true};
        return opening::refused{opening::refusal::malformed, "no request"};
    }
};

} // namespace

TEST_CASE("hearing: a reader's steps are carried out, and the next reader begins behind them") {
    const same_descriptors check;
    tcp_connection pair;
    const auto stream = example().stream();
    ear one;
    polite_reader preamble;

    pair.client.send_segment(as_bytes("A"));
    CHECK(one.needs_more(one.look(pair.accepted.get(), preamble)));
    pair.client.send_segment(as_bytes("?"));
    wait_until_unread(pair.accepted.get(), 2);
    CHECK(one.needs_more(one.look(pair.accepted.get(), preamble))); // the first step was not the last
    CHECK(pair.client.receive(2) == "A!");
    CHECK(unread(pair.accepted.get()) == 0);

    pair.client.send_segment(joined({bytes{'B', '?'}, stream}));
    wait_until_unread(pair.accepted.get(), 2 + stream.size());
    REQUIRE_FALSE(one.look(pair.accepted.get(), preamble));
    CHECK(std::get<opening::step>(one.thread.heard).is_last);
    CHECK(pair.client.receive(2) == "B!");
    CHECK(unread(pair.accepted.get()) == stream.size());
    REQUIRE_FALSE(one.look(pair.accepted.get()));
    CHECK(one.question().name == "www.example.com");
}

namespace {

// counting_reader tells how often it was asked, and what that made of copying.
struct counting_reader final : opening::reader {
    opening::answer read(byte_view stream, std::vector<std::uint8_t>& scratch) override {
        offered += stream.size();
        ++looks;
        return inner.read(stream, scratch);
    }
    opening::head_reader inner{65'536};
    std::size_t offered = 0;
    std::size_t looks = 0;
};

} // namespace

TEST_CASE("hearing: a head that comes in many small pieces is looked at a bounded number of times") {
    constexpr std::size_t pieces = 600;
    const same_descriptors check;
    const tcp_connection pair;
    ear one;
    counting_reader reader;
    one.client.socket = copy_of(pair.accepted.get());
    const std::string begin = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
    pair.client.send(begin);
    wait_until_unread(pair.accepted.get(), begin.size());
    REQUIRE(os::would_block(hear_now(one.client, reader)));
    auto& loop = one.thread.loop;
    spawned<error_code> hearing{loop, server::hear_on(one.client, reader, net::clock::now() + patience)};
    auto sent = begin.size();
    const auto send = [&](const std::string& text) {
        pair.client.send(text);
        sent += text.size();
        wait_until_unread(pair.accepted.get(), sent);
        run_ready(loop); // it looks, unless it pauses
    };
    for (std::size_t i = 0; i < pieces; ++i)
        send("abcd");
    send("\r\n\r\n");
    CHECK_FALSE(hearing.get());
    REQUIRE(std::holds_alternative<opening::question>(one.thread.heard));
    CHECK(one.question().name == "a");
    CHECK(unread(pair.accepted.get()) == sent);
    CHECK(reader.looks < pieces / 4);
    CHECK(reader.offered < sent * pieces / 8);
}
