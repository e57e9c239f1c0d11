// SPDX-License-Identifier: BSL-1.0
// Kernel TLS for an Asio server: what snipass.h has, with sockets and error_code.
//
//     snipass_options options{};
//     options.in_clear = SNIPASS_KERNEL_TLS;
//     snipass::acceptor acceptor{executor, "/run/site-handoff/handoff.sock", options};
//     ...
//     do
//         n = socket.read_some(buffer, error);              // or co_await socket.async_read_some(...)
//     while (snipass::tls::reads_again(socket, error));     // error: eof for the client's orderly end
//     ...
//     snipass::tls::close(socket, acceptor.farewell());
//
// Any other socket may be given to them, too: then nothing changes. Needs Boost.Asio and libsnipass.
#pragma once

#include "snipass/snipass.h"

#include <boost/asio/error.hpp>
#include <boost/asio/socket_base.hpp>
#include <boost/system/error_code.hpp>

#include <cerrno>
#include <string>

namespace snipass::tls {

// reads_again is asked after each read: the error of one that failed becomes what TLS means by it
// (asio::error::eof, connection_reset), or the read is to be tried again.
template <class Socket>
[[nodiscard]] bool reads_again(Socket& socket, boost::system::error_code& error) {
    if (!error || error.category() != boost::system::system_category())
        return false;
    errno = error.value();
    const int answer = snipass_tls_read_end(socket.native_handle());
    if (answer > 0)
        error = {};
    else if (answer == 0)
        error = boost::asio::error::eof;
    else
        error = {errno, boost::system::system_category()};
    return answer > 0;
}

// shutdown ends what the server says, with close_notify. `farewell` is the acceptor's.
template <class Socket>
void shutdown(Socket& socket, boost::asio::socket_base::shutdown_type what, const std::string& farewell,
              boost::system::error_code& error) {
    const int result = snipass_tls_shutdown(socket.native_handle(), static_cast<int>(what), farewell.c_str());
    error = {result == 0 ? 0 : errno, boost::system::system_category()};
}

// close is socket.close(), with close_notify.
template <class Socket>
void close(Socket& socket, const std::string& farewell) {
    snipass_tls_close(socket.release(), farewell.c_str());
}

} // namespace snipass::tls
