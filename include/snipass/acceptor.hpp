// SPDX-License-Identifier: BSL-1.0
// snipass::acceptor: in an Asio server, the line
//
//     asio::ip::tcp::acceptor acceptor{executor, {asio::ip::tcp::v4(), 8443}};
//
// becomes
//
//     snipass::acceptor acceptor{executor, "/run/site-handoff/handoff.sock"};
//
// (with a third argument, options whose `allowed` names the router's user, where that is not `snipass`, nor
// root, nor this server's own: snipass.h) and what the server does with its acceptor stays as it was: every
// form of accept() and async_accept() is there, but for those that ask for the peer's endpoint (the socket
// knows it). Each yields a client's socket, with the ClientHello unread in it. open(), set_option(), bind()
// and listen() have nothing to do here, and are not there; local_endpoint() is the unix socket's.
// use_awaitable_t<>::as_default_on_t and its like work. Needs Boost.Asio and libsnipass (-lsnipass).
#pragma once

#include "snipass/acceptor_state.hpp"
#include "snipass/snipass.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/basic_socket.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/execution/executor.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/is_executor.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>

#include <concepts>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace snipass {

// acceptor takes clients by the `stream` protocol. As with Asio's own: not for use from two threads at once,
// and destroying it cancels what waits. Clients that were acknowledged and not yet accepted are closed with
// it, so a server that stops cleanly calls stop() first and accepts until the error is `shut_down`.
template <class Own = boost::asio::any_io_executor>
class basic_acceptor {
    template <class T>
    static constexpr bool is_executor =
        boost::asio::is_executor<T>::value || boost::asio::execution::is_executor<T>::value;

    template <class T>
    static constexpr bool is_context = std::convertible_to<T&, boost::asio::execution_context&>;

    template <class T>
    static constexpr bool is_socket = requires(T& socket) {
        socket.lowest_layer();
    };

    using state = detail::acceptor_state;
    using default_token = boost::asio::default_completion_token_t<Own>;

  public:
    using protocol_type = boost::asio::ip::tcp;
    using executor_type = Own;
    using endpoint_type = boost::asio::local::stream_protocol::endpoint;
    using error_code = boost::system::error_code;

    template <class Other>
    struct rebind_executor {
        using other = basic_acceptor<Other>;
    };

    template <class Executor>
    using socket_of = boost::asio::basic_stream_socket<protocol_type, Executor>;

    // Throws system_error if the path cannot be listened at. For the options see snipass.h; the protocol is
    // SNIPASS_STREAM (a socket has no place for the bytes that come with a datagram: protocol_not_supported).
    basic_acceptor(const executor_type& executor, const std::string& path,
                   const snipass_options& options = {})
        : executor_(executor), state_(std::make_shared<state>(executor, path, options)) {}

    template <class Context>
    requires is_context<Context> basic_acceptor(Context& context, const std::string& path,
                                                const snipass_options& options = {})
        : basic_acceptor(executor_type(context.get_executor()), path, options) {}

    // For a unix socket that listens already: one that systemd passed, or that a pre-fork server's children
    // share (snipass_adopt). It is the acceptor's from here on, unless this throws.
    basic_acceptor(const executor_type& executor, int unix_fd, const snipass_options& options = {})
        : executor_(executor), state_(std::make_shared<state>(executor, unix_fd, options)) {}

    template <class Context>
    requires is_context<Context> basic_acceptor(Context& context, int unix_fd,
                                                const snipass_options& options = {})
        : basic_acceptor(executor_type(context.get_executor()), unix_fd, options) {}

    // What waits for a client goes on waiting where the acceptor has moved to. What is left behind has its
    // executor still, and is as one that is closed (local_endpoint() is empty).
    basic_acceptor(basic_acceptor&& other) noexcept
        : executor_(other.executor_), state_(std::move(other.state_)) {}
    basic_acceptor& operator=(basic_acceptor&& other) noexcept {
        if (this != &other) {
            close();
            executor_ = other.executor_;
            state_ = std::move(other.state_);
        }
        return *this;
    }
    ~basic_acceptor() { close(); }

    // For as_default_on(acceptor).
    template <class Other>
    requires(!std::same_as<Other, Own> && std::convertible_to<Other, Own>)
        basic_acceptor(basic_acceptor<Other>&& other)
        : executor_(other.executor_), state_(std::move(other.state_)) {}

    [[nodiscard]] executor_type get_executor() const { return executor_; }
    [[nodiscard]] bool is_open() const noexcept { return state_ && state_->receiver; }

    // Handoffs that were refused because of who sent them, and the user who sent the last one (snipass.h).
    [[nodiscard]] unsigned long strangers() const {
        return is_open() ? snipass_strangers(state_->receiver.get()) : 0;
    }
    [[nodiscard]] uid_t last_stranger() const {
        return is_open() ? snipass_last_stranger(state_->receiver.get()) : static_cast<uid_t>(-1);
    }

    // local_endpoint is where the router finds us: the path. There is no TCP address.
    [[nodiscard]] endpoint_type local_endpoint() const { return state_ ? state_->endpoint : endpoint_type(); }

    // farewell is where snipass-tls takes the ends of connections whose TLS the kernel speaks
    // (kernel_tls.hpp);
    // "" before the first such client.
    [[nodiscard]] std::string farewell() const { return state_ ? state_->farewell : std::string(); }

    // async_accept completes with void(error_code, socket), the socket of the acceptor's executor, or of the
    // executor or the context that is given (asio::make_strand(context)); or into a socket that is given,
    // with void(error_code). Errors: operation_aborted after cancel() and close(), shut_down after stop(),
    // no_descriptors (try again later), already_open, bad_descriptor.
    template <class Token = default_token>
    requires(!is_executor<std::remove_cvref_t<Token>> && !is_context<Token> &&
             !is_socket<Token>) auto async_accept(Token&& token = {}) {
        return async_accept(get_executor(), std::forward<Token>(token));
    }

    template <class Executor, class Token = default_token>
    requires is_executor<Executor>
    auto async_accept(const Executor& executor, Token&& token = {}) {
        return boost::asio::async_compose<Token, void(error_code, socket_of<Executor>)>(
            accept_new<Executor>{state_, executor}, token, executor_);
    }

    template <class Context, class Token = default_token>
    requires is_context<Context>
    auto async_accept(Context& context, Token&& token = {}) {
        return async_accept(context.get_executor(), std::forward<Token>(token));
    }

    template <class Executor, class Token = default_token>
    auto async_accept(boost::asio::basic_socket<protocol_type, Executor>& peer, Token&& token = {}) {
        return boost::asio::async_compose<Token, void(error_code)>(accept_into<Executor>{state_, peer}, token,
                                                                   executor_);
    }

    // accept waits for a client, in the same forms. Without error_code it throws system_error.
    template <class Executor>
    void accept(boost::asio::basic_socket<protocol_type, Executor>& peer, error_code& error) {
        error = state_ ? state_->take(-1, peer) : boost::asio::error::bad_descriptor;
    }

    template <class Executor>
    void accept(boost::asio::basic_socket<protocol_type, Executor>& peer) {
        error_code error;
        accept(peer, error);
        throw_if(error);
    }

    template <class Executor>
    requires is_executor<Executor> socket_of<Executor> accept(const Executor& executor, error_code& error) {
        socket_of<Executor> peer{executor};
        accept(peer, error);
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

    socket_of<Own> accept(error_code& error) { return accept(get_executor(), error); }
    socket_of<Own> accept() { return accept(get_executor()); }

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
            if (!at)
                error = boost::asio::error::bad_descriptor;
            else if (!error)
                error = at->receiver ? at->take(0, peer) : boost::asio::error::operation_aborted;
            if (error == boost::asio::error::would_block)
                return false;
            at.reset();
            return true;
        }

        // `composed` is moved by this, and the object that is asked with it. Of an acceptor that was moved
        // from there is nothing to wait for but a turn.
        template <class Self>
        static void wait(state* at, Self& composed) {
            if (at != nullptr)
                at->readable.async_wait(boost::asio::posix::descriptor_base::wait_read, std::move(composed));
            else
                boost::asio::post(std::move(composed));
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
                return this->wait(this->at.get(), composed);
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
                return this->wait(this->at.get(), composed);
            composed.complete(error);
        }

        socket& peer;
    };

    error_code cancel_all() {
        error_code error;
        if (state_)
            state_->readable.cancel(error);
        return error;
    }

    static void throw_if(const error_code& error) {
        if (error)
            throw boost::system::system_error(error, "accept");
    }

    template <class Other>
    friend class basic_acceptor;

    Own executor_;
    std::shared_ptr<state> state_; // none: moved from
};

using acceptor = basic_acceptor<>;

} // namespace snipass
