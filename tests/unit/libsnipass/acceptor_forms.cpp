// SPDX-License-Identifier: BSL-1.0
// An Asio server changes one line: snipass::acceptor has the forms of accept() and async_accept() that it
// uses.
#include "snipass/acceptor.hpp"

#include "receiver_fixture.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>

#include <string>
#include <type_traits>

using namespace handoff_test;
namespace asio = boost::asio;
using boost::system::error_code;
using socket_type = asio::ip::tcp::socket;

TEST_CASE_METHOD(fixture, "acceptor has each form of accept() that Asio's has") {
    asio::io_context io{1};
    asio::io_context other{1};
    const auto strand = asio::make_strand(other);
    snipass::acceptor acceptor{io, path};
    const auto client = make_tcp_pair();
    const auto take = [&](auto function) {
        const auto connection = hand_over(path, client.near.get());
        return function();
    };
    const auto is_client = [&](auto& socket) {
        const auto peer = socket.remote_endpoint();
        return peer.address().to_string() + ":" + std::to_string(peer.port()) ==
               address_of(client.far.get(), getsockname);
    };
    error_code error = asio::error::would_block;

    auto own = take([&] { return acceptor.accept(); });
    CHECK(is_client(own));
    CHECK(own.get_executor() == acceptor.get_executor());
    auto own_with_error = take([&] { return acceptor.accept(error); });
    CHECK(is_client(own_with_error));
    CHECK_FALSE(error);

    socket_type given{other};
    take([&] { acceptor.accept(given); });
    CHECK(is_client(given));
    given.close();
    error = asio::error::would_block;
    take([&] { acceptor.accept(given, error); });
    CHECK(is_client(given));
    CHECK_FALSE(error);

    auto of_context = take([&] { return acceptor.accept(other); });
    CHECK(is_client(of_context));
    CHECK(of_context.get_executor() == other.get_executor());
    auto of_context_with_error = take([&] { return acceptor.accept(other, error); });
    CHECK(is_client(of_context_with_error));
    auto of_strand = take([&] { return acceptor.accept(strand); });
    CHECK(is_client(of_strand));
    CHECK(of_strand.get_executor() == strand);
    auto of_strand_with_error = take([&] { return acceptor.accept(strand, error); });
    CHECK(is_client(of_strand_with_error));
    CHECK_FALSE(error);
}

TEST_CASE_METHOD(fixture, "acceptor has each form of async_accept() that Asio's has") {
    asio::io_context io{1};
    asio::io_context other{1};
    const auto strand = asio::make_strand(other);
    snipass::acceptor acceptor{io, path};
    const auto client = make_tcp_pair();
    const auto connection = hand_over(path, client.near.get());
    int accepted = 0;
    SECTION("of a strand, into a handler that wants a tcp::socket, as in Beast's examples") {
        acceptor.async_accept(asio::make_strand(other), [&](error_code error, const socket_type& socket) {
            accepted += !error && socket.is_open();
        });
    }
    SECTION("of a strand: the socket's executor is it") {
        acceptor.async_accept(strand, [&](error_code error, const auto& socket) {
            auto executor = const_cast<std::remove_cvref_t<decltype(socket)>&>(socket).get_executor();
            accepted += !error && executor == strand;
        });
    }
    SECTION("of a context") {
        acceptor.async_accept(other, [&](error_code error, socket_type socket) {
            accepted += !error && socket.get_executor() == asio::any_io_executor{other.get_executor()};
        });
    }
    socket_type given{other};
    SECTION("into a socket") {
        acceptor.async_accept(given, [&](error_code error) { accepted += !error && given.is_open(); });
    }
    SECTION("into the lowest layer of a stream") {
        asio::basic_socket<asio::ip::tcp>& lowest = given.lowest_layer();
        acceptor.async_accept(lowest, [&](error_code error) { accepted += !error && given.is_open(); });
    }
    SECTION("with a future") {
        auto future = acceptor.async_accept(asio::use_future);
        io.run();
        accepted += future.get().is_open();
    }
    SECTION("with a coroutine, on its own strand") {
        asio::co_spawn(
            io,
            [](snipass::acceptor& from, const auto& executor, int& count) -> asio::awaitable<void> {
                const auto socket = co_await from.async_accept(executor, asio::use_awaitable);
                count += socket.is_open();
            }(acceptor, strand, accepted),
            asio::detached);
    }
    io.run();
    CHECK(accepted == 1);
}

TEST_CASE_METHOD(fixture, "acceptor takes no client into a socket that is open") {
    asio::io_context io{1};
    snipass::acceptor acceptor{io, path};
    const auto client = make_tcp_pair();
    const auto connection = hand_over(path, client.near.get());
    socket_type open{io, asio::ip::tcp::v4()};
    error_code error;
    acceptor.accept(open, error);
    CHECK(error == asio::error::already_open);
    CHECK(answer_of(connection) == answer::nothing);
    error = {};
    acceptor.async_accept(open, [&error](error_code result) { error = result; });
    io.run();
    CHECK(error == asio::error::already_open);
    CHECK_THROWS_AS(acceptor.accept(open), boost::system::system_error);
    CHECK(acceptor.accept().is_open());
}

TEST_CASE_METHOD(fixture, "acceptor can have a default completion token, as Asio's") {
    using awaiting_acceptor = asio::use_awaitable_t<>::as_default_on_t<snipass::acceptor>;
    asio::io_context io{1};
    awaiting_acceptor acceptor = asio::use_awaitable.as_default_on(snipass::acceptor{io, path});
    const auto client = make_tcp_pair();
    const auto first = hand_over(path, client.near.get());
    const auto second = hand_over(path, client.near.get());
    int accepted = 0;
    asio::co_spawn(
        io,
        [](awaiting_acceptor& from, int& count) -> asio::awaitable<void> {
            auto own = co_await from.async_accept();
            static_assert(
                std::is_same_v<decltype(own), asio::use_awaitable_t<>::as_default_on_t<socket_type>>);
            socket_type given{own.get_executor()};
            co_await from.async_accept(given);
            count += own.is_open() + given.is_open();
        }(acceptor, accepted),
        asio::detached);
    io.run();
    CHECK(accepted == 2);
}
