// snipass::acceptor: in an Asio server, the line
//
//     asio::ip::tcp::acceptor acceptor{executor, {asio::ip::tcp::v4(), 8443}};
//
// becomes
//
//     snipass::acceptor acceptor{executor, "/run/site/handoff.sock"};
//
// and what the server does with its acceptor stays as it was: every form of accept() and async_accept() is
// there, but for those that ask for the peer's endpoint (the socket knows it). Each yields a client's socket,
// with the ClientHello unread in it. open(), set_option(), bind() and listen() have nothing to do here, and
// are not there. Needs Boost.Asio and libsnipass (-lsnipass).
#pragma once

#include "snipass/snipass.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/basic_socket.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/execution/executor.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/is_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>

#include <cerrno>
#include <concepts>
#include <memory>
#include <string>
#include <utility>

namespace snipass {

// acceptor takes clients by the `stream` protocol. As with Asio's own: not for use from two threads at once,
// and destroying it cancels what waits. Clients that were acknowledged and not yet accepted are closed with
// it, so a server that stops cleanly calls stop() first and accepts until the error is `shut_down`.
class acceptor {
    template <class T>
    static constexpr bool is_executor =
        boost::asio::is_executor<T>::value || boost::asio::execution::is_executor<T>::value;

    template <class T>
    static constexpr bool is_context = std::convertible_to<T&, boost::asio::execution_context&>;

  public:
    using protocol_type = boost::asio::ip::tcp;
    using executor_type = boost::asio::any_io_executor;
    using error_code = boost::system::error_code;

    template <class Executor>
    using socket_of = boost::asio::basic_stream_socket<protocol_type, Executor>;

    // Throws system_error if the path cannot be listened at. For the options see snipass.h; the protocol is
    // SNIPASS_STREAM.
    acceptor(const executor_type& executor, const std::string& path, const snipass_options& options = {})
        : state_(std::make_shared<state>(executor, path, options)) {}

    template <class Context>
    requires is_context<Context> acceptor(Context& context, const std::string& path,
                                          const snipass_options& options = {})
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
    [[nodiscard]] bool is_open() const noexcept { return state_ && state_->receiver; }

    // async_accept completes with void(error_code, socket), the socket of the acceptor's executor, or of the
    // executor or the context that is given (asio::make_strand(context)); or into a socket that is given,
    // with void(error_code). Errors: operation_aborted after cancel() and close(), shut_down after stop(),
    // no_descriptors (try again later), already_open, bad_descriptor.
    template <class Token>
    auto async_accept(Token&& token) {
        return async_accept(get_executor(), std::forward<Token>(token));
    }

    template <class Executor, class Token>
    requires is_executor<Executor>
    auto async_accept(const Executor& executor, Token&& token) {
        return boost::asio::async_compose<Token, void(error_code, socket_of<Executor>)>(
            accept_new<Executor>{state_, executor}, token, state_->readable);
    }

    template <class Context, class Token>
    requires is_context<Context>
    auto async_accept(Context& context, Token&& token) {
        return async_accept(context.get_executor(), std::forward<Token>(token));
    }

    template <class Executor, class Token>
    auto async_accept(boost::asio::basic_socket<protocol_type, Executor>& peer, Token&& token) {
        return boost::asio::async_compose<Token, void(error_code)>(accept_into<Executor>{state_, peer}, token,
                                                                   state_->readable);
    }

    // accept waits for a client, in the same forms. Without error_code it throws system_error.
    template <class Executor>
    void accept(boost::asio::basic_socket<protocol_type, Executor>& peer, error_code& error) {
        error = state_->take(-1, peer);
    }

    template <class Executor>
    void accept(boost::asio::basic_socket<protocol_type, Executor>& peer) {
        throw_if(state_->take(-1, peer));
    }

    template <class Executor>
    requires is_executor<Executor> socket_of<Executor> accept(const Executor& executor, error_code& error) {
        socket_of<Executor> peer{executor};
        error = state_->take(-1, peer);
        return peer;
    }

    template <class Executor>
    requires is_executor<Executor> socket_of<Executor> accept(const Executor& executor) {
        error_code error;
        auto peer = accept(executor, error);
        throw_if(error);
        return peer;
    }

    template <class Context>
    requires is_context<Context>
    auto accept(Context& context, error_code& error) { return accept(context.get_executor(), error); }

    template <class Context>
    requires is_context<Context>
    auto accept(Context& context) { return accept(context.get_executor()); }

    protocol_type::socket accept(error_code& error) { return accept(get_executor(), error); }
    protocol_type::socket accept() { return accept(get_executor()); }

    // cancel ends what waits.
    void cancel() { throw_if(cancel_all()); }
    void cancel(error_code& error) { error = cancel_all(); }

    // stop takes no new clients; those that were acknowledged are still to be accepted.
    void stop() {
        if (is_open())
            snipass_stop(state_->receiver.get());
    }

    // close ends what waits, and closes the clients that were acknowledged and not yet accepted.
    void close() noexcept {
        if (state_)
            state_->close();
    }
    void close(error_code& error) noexcept {
        error = {};
        close();
    }

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

        template <class Socket>
        error_code take(int timeout_ms, Socket& peer);

        struct free_receiver {
            void operator()(snipass_receiver* gone) const noexcept { snipass_receiver_free(gone); }
        };
        std::unique_ptr<snipass_receiver, free_receiver> receiver;
        boost::asio::posix::stream_descriptor readable;
    };

    // accepting is what the two operations have in common. There is always one turn through the event loop
    // first, so that a completion never runs inside async_accept.
    struct accepting {
        std::shared_ptr<state> at;
        bool has_waited = false;

        // has_ended: the operation is over, with `error`, or with a client in `peer`.
        template <class Socket>
        bool has_ended(Socket& peer, error_code& error) {
            if (!std::exchange(has_waited, true))
                return false;
            if (!error)
                error = at->receiver ? at->take(0, peer) : boost::asio::error::operation_aborted;
            if (error == boost::asio::error::would_block)
                return false;
            at.reset();
            return true;
        }

        // `composed` is moved by this, and the object that is asked with it.
        template <class Self>
        static void wait(state& at, Self& composed) {
            at.readable.async_wait(boost::asio::posix::descriptor_base::wait_read, std::move(composed));
        }
    };

    template <class Executor>
    struct accept_new : accepting {
        accept_new(std::shared_ptr<state> state, const Executor& of)
            : accepting{std::move(state)}, executor(of) {}

        template <class Self>
        void operator()(Self& composed, error_code error = {}) {
            socket_of<Executor> peer{executor};
            if (!this->has_ended(peer, error))
                return this->wait(*this->at, composed);
            composed.complete(error, std::move(peer));
        }

        Executor executor;
    };

    template <class Executor>
    struct accept_into : accepting {
        using socket = boost::asio::basic_socket<protocol_type, Executor>;
        accept_into(std::shared_ptr<state> state, socket& into) : accepting{std::move(state)}, peer(into) {}

        template <class Self>
        void operator()(Self& composed, error_code error = {}) {
            if (!this->has_ended(peer, error))
                return this->wait(*this->at, composed);
            composed.complete(error);
        }

        socket& peer;
    };

    error_code cancel_all() {
        error_code error;
        state_->readable.cancel(error);
        return error;
    }

    static void throw_if(const error_code& error) {
        if (error)
            throw boost::system::system_error(error, "accept");
    }

    [[nodiscard]] static error_code last_error() { return {errno, boost::system::system_category()}; }

    std::shared_ptr<state> state_; // none: moved from
};

template <class Socket>
acceptor::error_code acceptor::state::take(int timeout_ms, Socket& peer) {
    if (!receiver)
        return boost::asio::error::bad_descriptor;
    if (peer.is_open()) // it would take a client, and have no place for it
        return boost::asio::error::already_open;
    const std::unique_ptr<snipass_client, void (*)(snipass_client*)> client{
        snipass_receive(receiver.get(), timeout_ms), snipass_client_free};
    if (!client)
        return last_error();
    // The family is the socket's own: an IPv4 client of a dual-stack listener has an IPv6 socket.
    int family = AF_INET;
    socklen_t size = sizeof family;
    (void)getsockopt(snipass_client_fd(client.get()), SOL_SOCKET, SO_DOMAIN, &family, &size);
    error_code error;
    peer.assign(family == AF_INET6 ? protocol_type::v6() : protocol_type::v4(),
                snipass_client_fd(client.get()), error);
    if (!error)
        (void)snipass_client_release(client.get());
    return error;
}

} // namespace snipass
