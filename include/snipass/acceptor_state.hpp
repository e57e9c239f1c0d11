// SPDX-License-Identifier: BSL-1.0
// What snipass::acceptor has inside: a receiver, and Asio's view of its descriptor. For acceptor.hpp alone.
#pragma once

#include "snipass/snipass.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>

#include <cerrno>
#include <fcntl.h>
#include <memory>
#include <string>
#include <unistd.h>

namespace snipass::detail {

// acceptor_state is shared with the operations under way: one whose wait is over, and whose turn has not
// come, may outlive the acceptor. Then there is no receiver any more.
struct acceptor_state {
    using error_code = boost::system::error_code;
    using endpoint_type = boost::asio::local::stream_protocol::endpoint;

    acceptor_state(const boost::asio::any_io_executor& executor, const std::string& path,
                   const snipass_options& options)
        : readable(executor) {
        check(options);
        receiver.reset(snipass_listen(path.c_str(), &options));
        if (!receiver)
            throw boost::system::system_error(last_error(), "snipass_listen " + path);
        watch();
        endpoint = endpoint_type(path);
    }

    acceptor_state(const boost::asio::any_io_executor& executor, int unix_fd, const snipass_options& options)
        : readable(executor) {
        check(options);
        auto size = static_cast<socklen_t>(endpoint.capacity());
        if (getsockname(unix_fd, endpoint.data(), &size) == 0)
            endpoint.resize(size);
        // A copy: the caller's own is to be there still if this throws, and closing a receiver closes its
        // socket.
        const int copy = fcntl(unix_fd, F_DUPFD_CLOEXEC, 0);
        if (copy < 0)
            throw boost::system::system_error(last_error(), "fcntl");
        receiver.reset(snipass_adopt(copy, &options));
        if (!receiver) {
            const auto error = last_error();
            ::close(copy);
            throw boost::system::system_error(error, "snipass_adopt");
        }
        watch();
        ::close(unix_fd);
    }

    acceptor_state(const acceptor_state&) = delete;
    acceptor_state& operator=(const acceptor_state&) = delete;
    ~acceptor_state() { close(); }

    // The epoll descriptor is the receiver's: Asio must not close it.
    void close() {
        if (readable.is_open())
            readable.release();
        receiver.reset();
    }

    template <class Socket>
    [[nodiscard]] error_code take(int timeout_ms, Socket& peer) {
        if (!receiver)
            return boost::asio::error::bad_descriptor;
        if (peer.is_open()) // it would take a client, and have no place for it
            return boost::asio::error::already_open;
        const std::unique_ptr<snipass_client, void (*)(snipass_client*)> client{
            snipass_receive(receiver.get(), timeout_ms), snipass_client_free};
        if (!client)
            return last_error();
        if (const char* const path = snipass_client_farewell(client.get()))
            farewell = path;
        // The family is the socket's own: an IPv4 client of a dual-stack listener has an IPv6 socket.
        int family = AF_INET;
        socklen_t size = sizeof family;
        (void)getsockopt(snipass_client_fd(client.get()), SOL_SOCKET, SO_DOMAIN, &family, &size);
        using tcp = boost::asio::ip::tcp;
        error_code error;
        peer.assign(family == AF_INET6 ? tcp::v6() : tcp::v4(), snipass_client_fd(client.get()), error);
        if (!error)
            (void)snipass_client_release(client.get());
        return error;
    }

    struct free_receiver {
        void operator()(snipass_receiver* gone) const noexcept { snipass_receiver_free(gone); }
    };
    std::unique_ptr<snipass_receiver, free_receiver> receiver;
    boost::asio::posix::stream_descriptor readable;
    endpoint_type endpoint;
    std::string farewell; // of the last client that had one

  private:
    static void check(const snipass_options& options) {
        if (options.protocol != SNIPASS_STREAM)
            throw boost::system::system_error(make_error_code(boost::system::errc::protocol_not_supported),
                                              "snipass::acceptor has no place for a datagram's bytes");
        if ((options.in_clear & SNIPASS_PAIRS) != 0)
            throw boost::system::system_error(make_error_code(boost::system::errc::protocol_not_supported),
                                              "snipass::acceptor has TCP sockets, and none of a socket pair");
    }

    void watch() { readable.assign(snipass_receiver_fd(receiver.get())); }

    [[nodiscard]] static error_code last_error() { return {errno, boost::system::system_category()}; }
};

} // namespace snipass::detail
