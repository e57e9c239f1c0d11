// SPDX-License-Identifier: BSL-1.0
// Who keeps a connection where there are more than there may be.
#include "snipass/operating/http_door.hpp"

#include "catch.hpp"
#include "same_descriptors.hpp"
#include "scarce_memory.hpp"
#include "tcp_client.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <string>
#include <thread>
#include <vector>

using namespace snipass;
using namespace snipass::server;
using namespace snipass::testing;
namespace asio = boost::asio;

namespace {

// open_door is where the door is, on a port of the kernel's choice.
ip_endpoint open_door(http_door& door) {
    const std::vector<config::metrics_address> wanted{
        {.text = "a", .endpoint = ip_endpoint{*ip_address::parse("127.0.0.1"), 0}}};
    REQUIRE(door.open(wanted).empty());
    const auto at = door.keep(wanted).at(0).at;
    return {*ip_address::parse("127.0.0.1"),
            static_cast<std::uint16_t>(std::stoul(at.substr(at.rfind(':') + 1)))};
}

} // namespace

TEST_CASE("http_door: who has asked is answered, however many come meanwhile") {
    const same_descriptors check;
    asio::io_context io;
    asio::steady_timer answered{io, asio::steady_timer::time_point::max()};
    std::size_t asked = 0;
    http_door door{io, [&](http_question) -> asio::awaitable<http_answer> {
                       ++asked;
                       boost::system::error_code ec;
                       co_await answered.async_wait(asio::redirect_error(asio::use_awaitable, ec));
                       co_return http_answer{.body = "here\n"};
                   }};
    const auto server = open_door(door);
    const auto turn = [&] {
        while (io.poll() > 0)
            ;
    };
    std::vector<tcp_client> asking;
    const std::size_t askers = GENERATE(std::size_t{1}, http_door::most_visitors);
    for (std::size_t i = 0; i < askers; ++i) {
        asking.push_back(tcp_client{server});
        asking.back().send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
        while (asked <= i)
            turn();
    }
    for (std::size_t i = 0; i < 2 * http_door::most_visitors; ++i) {
        const tcp_client silent{server};
        turn();
    }
    answered.cancel();
    std::thread runs{[&] { io.run(); }};
    for (const auto& one : asking) {
        std::string heard;
        CHECK(one.read_to_end(heard) == ending::fin);
        CHECK(heard.ends_with("here\n"));
    }
    io.stop();
    runs.join();
}

TEST_CASE("http_door: whom there was no memory for is let in once there is") {
#ifndef SNIPASS_SANITIZED
    asio::io_context io;
    http_door door{
        io, [](http_question) -> asio::awaitable<http_answer> { co_return http_answer{.body = "here\n"}; }};
    const auto server = open_door(door);
    const auto turn = [&] {
        while (io.poll() > 0)
            ;
    };
    turn();
    {
        const auto times = GENERATE(range(0, 40)); // it fails at another place each time
        const tcp_client early{server};
        const scarce_memory none{SIZE_MAX, static_cast<std::size_t>(times)};
        for (int i = 0; i < 5; ++i)
            turn();
    }
    const tcp_client late{server};
    late.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    std::thread runs{[&] { io.run(); }};
    std::string heard;
    CHECK(late.read_to_end(heard) == ending::fin);
    CHECK(heard.ends_with("here\n"));
    io.stop();
    runs.join();
#endif
}
