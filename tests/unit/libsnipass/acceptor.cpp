// SPDX-License-Identifier: BSL-1.0
// snipass::acceptor does for handed-off clients what Asio's acceptor does for those that come by themselves.
#include "snipass/acceptor.hpp"

#include "receiver_fixture.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <array>
#include <fcntl.h>
#include <memory>
#include <vector>

using namespace handoff_test;
namespace asio = boost::asio;
using boost::system::error_code;
using socket_type = asio::ip::tcp::socket;

TEST_CASE_METHOD(fixture, "acceptor yields each client as a TCP socket of the right address") {
    const auto before = open_descriptors();
    {
        asio::io_context io{1};
        snipass::acceptor acceptor{io, path};
        const auto client = make_tcp_pair();
        std::vector<test_fd> connections;
        std::vector<std::string> peers;
        for (int i = 0; i < 3; ++i) {
            connections.push_back(hand_over(path, client.near.get()));
            acceptor.async_accept([&peers](error_code error, socket_type socket) {
                REQUIRE_FALSE(error);
                peers.push_back(socket.remote_endpoint().address().to_string() + ":" +
                                std::to_string(socket.remote_endpoint().port()));
            });
            CHECK(peers.size() == static_cast<std::size_t>(i)); // never from inside async_accept
            io.restart();
            io.run();
        }
        CHECK(peers == std::vector<std::string>(3, address_of(client.far.get(), getsockname)));
    }
    CHECK(open_descriptors() == before);
}

TEST_CASE_METHOD(fixture, "acceptor goes on after a handoff that is none") {
    asio::io_context io{1};
    snipass::acceptor acceptor{io, path};
    const auto client = make_tcp_pair();
    const auto lie = connect_unix(path);
    send_with(lie, byte_string(5, 'x'), std::array{client.near.get()});
    const auto truth = hand_over(path, client.near.get());
    int accepted = 0;
    acceptor.async_accept(
        [&](error_code error, const socket_type& socket) { accepted += !error && socket.is_open(); });
    io.run();
    CHECK(accepted == 1);
    CHECK(answer_of(lie) == answer::closed);
}

TEST_CASE_METHOD(fixture, "acceptor waits without spinning, and can be cancelled and stopped") {
    asio::io_context io{1};
    snipass::acceptor acceptor{io, path};
    error_code outcome;
    acceptor.async_accept([&outcome](error_code error, const socket_type&) { outcome = error; });
    CHECK(io.poll() <= 1);
    CHECK(io.poll() == 0);
    SECTION("cancelled") {
        acceptor.cancel();
        io.run();
        CHECK(outcome == asio::error::operation_aborted);
    }
    SECTION("stopped") {
        acceptor.stop();
        io.run();
        CHECK(outcome == asio::error::shut_down);
    }
}

TEST_CASE_METHOD(fixture, "acceptor accepts synchronously, too") {
    asio::io_context io{1};
    snipass::acceptor acceptor{io.get_executor(), path};
    const auto client = make_tcp_pair();
    const auto connection = hand_over(path, client.near.get());
    CHECK(acceptor.accept().is_open());
    acceptor.stop();
    CHECK_THROWS_AS(acceptor.accept(), boost::system::system_error);
}

TEST_CASE_METHOD(fixture, "acceptor's sockets are read either way, though they block") {
    asio::io_context io{1};
    snipass::acceptor acceptor{io, path};
    const auto client = make_tcp_pair();
    const auto connection = hand_over(path, client.near.get());
    auto peer = acceptor.accept();
    CHECK((fcntl(peer.native_handle(), F_GETFL) & O_NONBLOCK) == 0);
    const bool waits_in_asio = GENERATE(false, true);
    std::array<char, 8> bytes{};
    std::size_t size = 0;
    if (waits_in_asio) {
        peer.async_read_some(asio::buffer(bytes), [&size](error_code error, std::size_t n) {
            CHECK_FALSE(error);
            size = n;
        });
        io.poll(); // and returns
    }
    REQUIRE(send(client.far.get(), "hello", 5, 0) == 5);
    io.run();
    if (!waits_in_asio)
        size = peer.read_some(asio::buffer(bytes));
    CHECK(size == 5);
    REQUIRE(send(client.far.get(), "again", 5, 0) == 5);
    CHECK(peer.read_some(asio::buffer(bytes)) == 5); // Asio has made it non-blocking, or not
}

TEST_CASE_METHOD(fixture, "acceptor can be closed, as Asio's") {
    asio::io_context io{1};
    snipass::acceptor acceptor{io, path};
    CHECK(acceptor.is_open());
    error_code outcome;
    acceptor.async_accept([&outcome](error_code error, const socket_type&) { outcome = error; });
    io.poll();
    error_code error = asio::error::would_block;
    SECTION("without an error code") {
        acceptor.close();
        error = {};
    }
    SECTION("with one") {
        acceptor.close(error);
    }
    CHECK_FALSE(error);
    CHECK_FALSE(acceptor.is_open());
    CHECK_THROWS(connect_unix(path));
    io.restart();
    io.run();
    CHECK(outcome == asio::error::operation_aborted);

    acceptor.close();
    acceptor.stop();
    (void)acceptor.accept(error);
    CHECK(error == asio::error::bad_descriptor);
    acceptor.cancel(error);
    CHECK(error == asio::error::bad_descriptor);
    acceptor.async_accept([&outcome](error_code result, const socket_type&) { outcome = result; });
    io.restart();
    io.run();
    CHECK(outcome == asio::error::bad_descriptor);
}

TEST_CASE_METHOD(fixture, "acceptor says why it cannot listen") {
    asio::io_context io{1};
    const snipass::acceptor first{io, path};
    try {
        const snipass::acceptor second{io, path};
        FAIL("two listeners at one path");
    } catch (const boost::system::system_error& error) {
        CHECK(error.code() == boost::system::errc::address_in_use);
    }
}

TEST_CASE_METHOD(fixture, "acceptor may go while somebody waits") {
    asio::io_context io{1};
    error_code outcome;
    {
        snipass::acceptor acceptor{io, path};
        acceptor.async_accept([&outcome](error_code error, const socket_type&) { outcome = error; });
        io.poll();
    }
    io.run();
    CHECK(outcome == asio::error::operation_aborted);
}

TEST_CASE_METHOD(fixture, "acceptor may go between a client's coming and its being accepted") {
    const auto client = make_tcp_pair();
    const auto before = open_descriptors();
    {
        asio::io_context io{1};
        auto acceptor = std::make_unique<snipass::acceptor>(io, path);
        const auto connection = hand_over(path, client.near.get());
        std::vector<error_code> outcomes;
        // One event ends both waits; the first one's handler comes before the second one's turn.
        for (int i = 0; i < 2; ++i)
            acceptor->async_accept([&](error_code error, const socket_type&) {
                outcomes.push_back(error);
                acceptor.reset();
            });
        SECTION("its turn comes") {
            io.run();
            CHECK(outcomes == std::vector<error_code>{{}, asio::error::operation_aborted});
        }
        SECTION("its turn never comes") {
            while (acceptor)
                io.run_one();
        }
    }
    CHECK(open_descriptors() == before);
}

TEST_CASE_METHOD(fixture, "acceptor may move while somebody waits") {
    asio::io_context io{1};
    auto first = std::make_unique<snipass::acceptor>(io, path);
    int accepted = 0;
    first->async_accept(
        [&](error_code error, const socket_type& socket) { accepted += !error && socket.is_open(); });
    io.poll();
    snipass::acceptor second{std::move(*first)};
    const auto client = make_tcp_pair();
    SECTION("to a new place") {
        first.reset();
        const auto connection = hand_over(path, client.near.get());
        io.restart();
        io.run();
        CHECK(accepted == 1);
    }
    SECTION("to the place of another, which is closed") {
        const std::string other = path + ".other";
        snipass::acceptor third{io, other};
        error_code outcome;
        third.async_accept([&outcome](error_code error, const socket_type&) { outcome = error; });
        third = std::move(second);
        const auto connection = hand_over(path, client.near.get());
        io.restart();
        io.run();
        CHECK(accepted == 1);
        CHECK(outcome == asio::error::operation_aborted);
        CHECK_THROWS(connect_unix(other));
    }
}

TEST_CASE_METHOD(fixture, "acceptor is for streams: what comes with a datagram, or by scgi, would be lost") {
    asio::io_context io{1};
    options.protocol = GENERATE(SNIPASS_DATAGRAM, SNIPASS_SCGI, SNIPASS_SCGI_ACK);
    try {
        const snipass::acceptor acceptor{io, path, options};
        FAIL("it listens");
    } catch (const boost::system::system_error& error) {
        CHECK(error.code() == boost::system::errc::protocol_not_supported);
    }
    CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE_METHOD(fixture, "acceptor adopts a socket that listens already, and knows its path") {
    asio::io_context io{1};
    test_fd listener{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    CHECK_THROWS_AS(snipass::acceptor(io, listener.get()), boost::system::system_error);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(listener.get(), 8) == 0);
    snipass::acceptor acceptor{io, dup(listener.get())};
    CHECK(acceptor.local_endpoint().path() == path);
    const auto client = make_tcp_pair();
    const auto connection = hand_over(path, client.near.get());
    CHECK(acceptor.accept().is_open());
    const snipass::acceptor other{io, path + ".other"};
    CHECK(other.local_endpoint().path() == path + ".other");
}

TEST_CASE_METHOD(fixture, "acceptor that was moved from is closed, and says so") {
    asio::io_context io{1};
    snipass::acceptor first{io, path};
    const snipass::acceptor second{std::move(first)};
    // NOLINTBEGIN(bugprone-use-after-move): what is tested.
    CHECK_FALSE(first.is_open());
    CHECK(first.local_endpoint() == snipass::acceptor::endpoint_type{});
    CHECK(first.get_executor() == io.get_executor());
    error_code error = asio::error::would_block;
    first.cancel(error);
    CHECK_FALSE(error);
    CHECK_NOTHROW(first.cancel());
    first.stop();
    first.close();
    CHECK_FALSE(first.accept(error).is_open());
    CHECK(error == asio::error::bad_descriptor);
    CHECK_THROWS_AS(first.accept(), boost::system::system_error);
    socket_type given{io};
    CHECK_THROWS_AS(first.accept(given), boost::system::system_error);
    std::vector<error_code> outcomes;
    first.async_accept([&](error_code result, const socket_type&) { outcomes.push_back(result); });
    first.async_accept(given, [&](error_code result) { outcomes.push_back(result); });
    // NOLINTEND(bugprone-use-after-move)
    CHECK(outcomes.empty()); // never from inside async_accept
    io.run();
    CHECK(outcomes == std::vector<error_code>(2, asio::error::bad_descriptor));
}

namespace {

std::vector<int> epoll_descriptors() {
    std::vector<int> found;
    for (int fd = 0; fd < 1024; ++fd) {
        std::error_code none;
        const auto what = std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd), none);
        if (what == "anon_inode:[eventpoll]")
            found.push_back(fd);
    }
    return found;
}

} // namespace

TEST_CASE_METHOD(fixture, "acceptor that cannot adopt a socket leaves it to the caller, open") {
    const auto address = unix_address(path);
    const test_fd listener{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    REQUIRE(bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(listener.get(), 8) == 0);
    asio::io_context io{1};
    const asio::posix::stream_descriptor brings_the_reactor{io};
    const auto asios = epoll_descriptors();
    REQUIRE(asios.size() == 1);
    const test_fd kept{dup(asios[0])};
    REQUIRE(dup2(listener.get(), asios[0]) >= 0); // it can watch nothing now
    const auto before = open_descriptors();
    CHECK_THROWS_AS(snipass::acceptor(io, listener.get()), boost::system::system_error);
    CHECK(open_descriptors() == before);
    REQUIRE(dup2(kept.get(), asios[0]) >= 0);
    CHECK_NOTHROW(connect_unix(path));
}
