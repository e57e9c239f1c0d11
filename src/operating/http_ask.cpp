// SPDX-License-Identifier: BSL-1.0
// The other side of http_door.
#include "snipass/operating/http_ask.hpp"

#include "snipass/os/unix_socket.hpp"

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <sys/socket.h>

#include <cstdint>
#include <memory>
#include <utility>

namespace snipass::server {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;
using socket = asio::generic::stream_protocol::socket;

constexpr std::uint64_t longest_answer = 4U << 20;

auto to(error_code& ec) {
    return asio::redirect_error(asio::use_awaitable, ec);
}

std::shared_ptr<socket> connect(asio::io_context& io, const std::string& path) {
    auto connection = os::connect_unix(path, SOCK_STREAM);
    if (!connection)
        return nullptr;
    auto made = std::make_shared<socket>(io);
    error_code ec;
    made->assign(asio::generic::stream_protocol(AF_UNIX, SOCK_STREAM), connection->get(), ec);
    if (ec)
        return nullptr;
    (void)connection->release();
    return made;
}

} // namespace

asio::awaitable<std::optional<std::string>> http_ask(asio::io_context& io, std::string path,
                                                     std::string target, std::chrono::milliseconds patience) {
    const auto connection = connect(io, path);
    if (!connection)
        co_return std::nullopt;
    asio::steady_timer deadline{io, patience};
    deadline.async_wait([weak = std::weak_ptr{connection}](const error_code& over) {
        error_code ignored;
        if (const auto late = over ? nullptr : weak.lock())
            late->close(ignored);
    });
    error_code ec;
    http::request<http::empty_body> question{http::verb::get, target, 10};
    (void)co_await http::async_write(*connection, question, to(ec));
    boost::beast::flat_buffer buffer;
    http::response_parser<http::string_body> answer;
    answer.body_limit(longest_answer);
    if (!ec)
        (void)co_await http::async_read(*connection, buffer, answer, to(ec));
    if (ec || answer.get().result() != http::status::ok)
        co_return std::nullopt;
    co_return std::move(answer.get().body());
}

} // namespace snipass::server
