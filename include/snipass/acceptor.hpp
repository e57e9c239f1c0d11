// snipass::acceptor: in an Asio server, the line
//
//     asio::ip::tcp::acceptor acceptor{executor, {asio::ip::tcp::v4(), 8443}};
//
// becomes
//
//     snipass::acceptor acceptor{executor, "/run/site/handoff.sock"};
//
// and accept() and async_accept(token) stay as they were: each yields a client's tcp::socket, of the
// acceptor's executor and with the ClientHello unread in it. (Of Asio's other forms of them there are none.)
// Needs Boost.Asio and libsnipass (-lsnipass).
#pragma once

#include "snipass/snipass.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>

#include <cerrno>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace snipass {

// acceptor takes clients by the `stream` protocol. As with Asio's own: not for use from two threads at once,
// and destroying it cancels what waits. Clients that were acknowledged and not yet accepted are closed with
// it, so a server that stops cleanly calls stop() first and accepts until the error is `shut_down`.
class acceptor {
    struct free_receiver {
        void operator()(snipass_receiver* receiver) const noexcept { snipass_receiver_free(receiver); }
    };

  public:
    using protocol_type = boost::asio::ip::tcp;
    using executor_type = boost::asio::any_io_executor;

    // Throws system_error if the path cannot be listened at. For the options see snipass.h; the protocol is
    // SNIPASS_STREAM.
    acceptor(const executor_type& executor, const std::string& path, const snipass_options& options = {})
        : state_(std::make_shared<state>(executor, path, options)) {}

    template <class ExecutionContext>
    requires std::is_convertible_v<ExecutionContext&, boost::asio::execution_context&>
    acceptor(ExecutionContext& context, const std::string& path, const snipass_options& options = {})
        : acceptor(executor_type(context.get_executor()), path, options) {}

    // What waits for a client goes on waiting where the acceptor has moved to.
    acceptor(acceptor&&) noexcept = default;
    acceptor& operator=(acceptor&& other) noexcept {
        if (this != &other) {
            close();
            state_ = std::move(other.state_);
        }
        return *this;
    }
    ~acceptor() { close(); }

    [[nodiscard]] executor_type get_executor() { return state_->readable.get_executor(); }

    // async_accept completes with void(error_code, tcp::socket). Errors: operation_aborted after cancel() and
    // when the acceptor is gone, shut_down after stop(), no_descriptors (try again later).
    template <class CompletionToken>
    auto async_accept(CompletionToken&& token) {
        return boost::asio::async_compose<CompletionToken,
                                          void(boost::system::error_code, protocol_type::socket)>(
            accept_operation{state_}, token, state_->readable);
    }

    // accept waits for a client.
    protocol_type::socket accept() {
        boost::system::error_code error;
        auto socket = state_->take(-1, error);
        if (error)
            throw boost::system::system_error(error, "accept");
        return socket;
    }

    void cancel() { state_->readable.cancel(); }

    // stop takes no new clients; those that were acknowledged are still to be accepted.
    void stop() { snipass_stop(state_->receiver.get()); }

  private:
    // state is shared with the operations under way: one whose wait is over, and whose turn has not come, may
    // outlive the acceptor. Then there is no receiver any more.
    struct state {
        state(const executor_type& executor, const std::string& path, const snipass_options& options)
            : receiver(snipass_listen(path.c_str(), &options)), readable(executor) {
            if (!receiver)
                throw boost::system::system_error(last_error(), "snipass_listen " + path);
            readable.assign(snipass_receiver_fd(receiver.get()));
        }
        state(const state&) = delete;
        state& operator=(const state&) = delete;
        ~state() { close(); }

        // The epoll descriptor is the receiver's: Asio must not close it.
        void close() {
            if (readable.is_open())
                readable.release();
            receiver.reset();
        }

        protocol_type::socket take(int timeout_ms, boost::system::error_code& error);

        std::unique_ptr<snipass_receiver, free_receiver> receiver;
        boost::asio::posix::stream_descriptor readable;
    };

    struct accept_operation {
        std::shared_ptr<state> at;
        bool has_waited = false;

        template <class Self>
        void operator()(Self& composed, boost::system::error_code error = {}) {
            auto socket = protocol_type::socket{at->readable.get_executor()};
            // Always one turn through the event loop first, so that a completion never runs inside
            // async_accept.
            if (has_waited && !at->receiver)
                error = boost::asio::error::operation_aborted;
            if (has_waited && !error)
                socket = at->take(0, error);
            if (has_waited && error != boost::asio::error::would_block) {
                at.reset();
                composed.complete(error, std::move(socket));
                return;
            }
            has_waited = true;
            auto& readable = at->readable; // `composed` is about to be moved, and this object with it
            readable.async_wait(boost::asio::posix::descriptor_base::wait_read, std::move(composed));
        }
    };

    void close() {
        if (state_)
            state_->close();
    }

    [[nodiscard]] static boost::system::error_code last_error() {
        return {errno, boost::system::system_category()};
    }

    std::shared_ptr<state> state_; // none: moved from
};

inline acceptor::protocol_type::socket acceptor::state::take(int timeout_ms,
                                                             boost::system::error_code& error) {
    protocol_type::socket socket{readable.get_executor()};
    const std::unique_ptr<snipass_client, void (*)(snipass_client*)> client{
        snipass_receive(receiver.get(), timeout_ms), snipass_client_free};
    if (!client) {
        error = last_error();
        return socket;
    }
    // The family is the socket's own: an IPv4 client of a dual-stack listener has an IPv6 socket.
    int family = AF_INET;
    socklen_t size = sizeof family;
    (void)getsockopt(snipass_client_fd(client.get()), SOL_SOCKET, SO_DOMAIN, &family, &size);
    socket.assign(family == AF_INET6 ? protocol_type::v6() : protocol_type::v4(),
                  snipass_client_fd(client.get()), error);
    if (!error)
        (void)snipass_client_release(client.get());
    return socket;
}

} // namespace snipass
