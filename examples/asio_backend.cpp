// SPDX-License-Identifier: BSL-1.0
// The same TLS server with Boost.Asio and coroutines. The one line that had to change makes the acceptor.
//
//     asio_backend [--from USER]... SOCKET_PATH CERTIFICATE KEY [NAME]
#include "library_senders.hpp"

#include <snipass/acceptor.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <chrono>
#include <cstdio>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>

namespace asio = boost::asio;
using asio::use_awaitable;
using asio::ip::tcp;

namespace {

asio::awaitable<void> serve(asio::ssl::stream<tcp::socket> tls, std::string name) {
    std::ostringstream peer;
    peer << tls.next_layer().remote_endpoint();
    co_await tls.async_handshake(asio::ssl::stream_base::server, use_awaitable);
    const auto* host_name = SSL_get_servername(tls.native_handle(), TLSEXT_NAMETYPE_host_name);
    const auto body = "backend: " + name + "\nclient: " + peer.str() +
                      "\nhost_name: " + (host_name != nullptr ? host_name : "-") + "\n";
    const auto answer =
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: " + std::to_string(body.size()) +
        "\r\n\r\n" + body;
    for (std::string request;;) {
        const auto size = co_await asio::async_read_until(tls, asio::dynamic_buffer(request, 65'536),
                                                          "\r\n\r\n", use_awaitable);
        const bool last = request.substr(0, size).find("Connection: close") != std::string::npos;
        request.erase(0, size);
        co_await asio::async_write(tls, asio::buffer(answer), use_awaitable);
        if (last)
            break;
    }
    co_await tls.async_shutdown(use_awaitable);
}

asio::awaitable<void> accept_all(std::shared_ptr<snipass::acceptor> acceptor, asio::ssl::context& context,
                                 std::string name) {
    for (asio::steady_timer pause{acceptor->get_executor()};;) {
        boost::system::error_code error;
        auto client = co_await acceptor->async_accept(asio::redirect_error(use_awaitable, error));
        if (error) { // out of descriptors or memory: the clients wait in the backlog
            pause.expires_after(std::chrono::milliseconds{10});
            co_await pause.async_wait(use_awaitable);
            continue;
        }
        // A client that leaves ends its own coroutine, with an exception that concerns nobody else.
        asio::co_spawn(acceptor->get_executor(), serve({std::move(client), context}, name), asio::detached);
    }
}

asio::awaitable<void> name_strangers(std::shared_ptr<snipass::acceptor> acceptor, senders senders) {
    for (asio::steady_timer pause{acceptor->get_executor()};;) {
        pause.expires_after(std::chrono::seconds{1});
        co_await pause.async_wait(use_awaitable);
        senders.tell_of(acceptor->strangers(), acceptor->last_stranger());
    }
}

} // namespace

int main(int argc, char** argv) try {
    senders senders;
    snipass_options options{};
    while (senders.take(argc, argv))
        continue;
    if (argc < 4 || argv[1][0] == '-')
        return std::fputs("usage: asio_backend [--from USER]... SOCKET_PATH CERTIFICATE KEY [NAME]\n",
                          stderr),
               2;
    asio::io_context io{1};
    asio::ssl::context context{asio::ssl::context::tls_server};
    context.use_certificate_chain_file(argv[2]);
    context.use_private_key_file(argv[3], asio::ssl::context::pem);

    senders.set(options);
    // It was: std::make_shared<tcp::acceptor>(io, tcp::endpoint{tcp::v6(), 8443})
    const auto acceptor = std::make_shared<snipass::acceptor>(io, argv[1], options);

    asio::co_spawn(io, name_strangers(acceptor, senders), asio::detached);
    asio::co_spawn(io, accept_all(acceptor, context, argc > 4 ? argv[4] : "asio_backend"),
                   [](const std::exception_ptr& error) {
                       if (error)
                           std::rethrow_exception(error);
                   });
    io.run();
} catch (const std::exception& error) {
    return std::fprintf(stderr, "%s\n", error.what()), 1;
}
