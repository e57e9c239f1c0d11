// SPDX-License-Identifier: BSL-1.0
// HTTP by Boost.Beast.
#include "snipass/operating/http_door.hpp"

#include "http_message.hpp"

#include "snipass/os/error.hpp"
#include "snipass/os/tcp.hpp"
#include "snipass/os/unix_listener.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <sys/socket.h>

#include <algorithm>
#include <list>
#include <new>
#include <optional>
#include <thread>
#include <utility>

namespace snipass::server {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::awaitable;
using boost::system::error_code;
using config::metrics_address;

constexpr std::uint32_t longest_question = 8'192;
constexpr std::chrono::milliseconds rest_time{100};
constexpr std::chrono::milliseconds rest_time_without_memory{1};
constexpr mode_t socket_mode = 0660;

auto to(error_code& ec) {
    return asio::redirect_error(asio::use_awaitable, ec);
}

// door is one address.
struct door {
    door(asio::io_context& io, const metrics_address& wanted, os::unique_fd fd, os::socket_file path)
        : address(wanted.text), is_path(!wanted.path.empty()), listener(io, fd.release()),
          file(std::move(path)) {}

    std::string address; // as written
    bool is_path;
    asio::posix::stream_descriptor listener;
    os::socket_file file;
};

// visitor is one connection.
struct visitor {
    // The last that can fail is done before this has the descriptor.
    visitor(asio::io_context& io, os::unique_fd& fd, bool by_path)
        : socket(io), deadline(io), comes_by_path(by_path) {
        if (by_path)
            if (auto known = os::peer_of(fd.get()))
                peer = std::move(*known);
        socket.assign(asio::generic::stream_protocol(by_path ? AF_UNIX : AF_INET, SOCK_STREAM), fd.get());
        (void)fd.release();
    }

    // is_given_time ends it then, unless it is given more.
    static void is_given_time(const std::shared_ptr<visitor>& one) {
        one->deadline.expires_after(http_door::patience);
        one->deadline.async_wait([weak = std::weak_ptr{one}](const error_code& ec) {
            const auto late = ec ? nullptr : weak.lock();
            if (late)
                late->end();
        });
    }

    void end() {
        error_code ec;
        socket.close(ec);
    }

    asio::generic::stream_protocol::socket socket;
    asio::steady_timer deadline;
    bool comes_by_path;
    std::optional<os::unix_peer> peer{};
    bool is_being_answered = false;
};

result<std::pair<os::unique_fd, os::socket_file>> listen_at(const metrics_address& one) {
    if (!one.endpoint) {
        auto made = os::listen_unix(one.path, SOCK_STREAM, socket_mode);
        if (!made)
            return made.error();
        return std::pair{std::move(made->fd), std::move(made->file)};
    }
    auto endpoint = *one.endpoint;
    auto made = os::listen_tcp(endpoint);
    if (!made && one.every_address && os::errno_of(made.error()) == EAFNOSUPPORT) {
        endpoint.address = ip_address::v4({}); // there is no IPv6, so these are all addresses
        made = os::listen_tcp(endpoint);
    }
    if (!made)
        return made.error();
    return std::pair{std::move(*made), os::socket_file{}};
}

} // namespace

struct http_door::state {
    state(asio::io_context& context, answerer with) : io(context), answer(std::move(with)) {}

    asio::io_context& io;
    answerer answer;
    std::list<std::shared_ptr<door>> doors;
    std::vector<std::shared_ptr<door>> opened;    // and not in use yet
    std::list<std::shared_ptr<visitor>> visitors; // the oldest first

    // Each keeps the state: it may outlive the door. Named parameters: a coroutine's are its frame's.
    static awaitable<void> let_in(std::shared_ptr<state> all, std::shared_ptr<door> at);
    static awaitable<void> serve(std::shared_ptr<state> all, std::shared_ptr<visitor> one);
    static void welcome(const std::shared_ptr<state>& all, os::unique_fd client, bool by_path);
    [[nodiscard]] bool has(const std::string& address) const {
        return std::ranges::any_of(doors, [&](const auto& one) {
            return one->address == address && (!one->is_path || one->file.is_there());
        });
    }
};

// let_in accepts, one after the other, until the door is closed. Where there is no memory, not even to wait,
// the thread itself rests: it has nothing that it could do.
awaitable<void> http_door::state::let_in(std::shared_ptr<state> all, std::shared_ptr<door> at) {
    asio::steady_timer pause{all->io};
    error_code ec;
    bool must_rest = false;
    for (;;) {
        try {
            if (std::exchange(must_rest, false)) {
                pause.expires_after(rest_time);
                co_await pause.async_wait(to(ec));
            }
            co_await at->listener.async_wait(asio::posix::stream_descriptor::wait_read, to(ec));
            if (ec)
                co_return;
            os::unique_fd client{
                ::accept4(at->listener.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
            must_rest = !client && !os::would_block(os::last_error());
            if (client)
                welcome(all, std::move(client), at->is_path);
        } catch (const std::exception&) { // no memory
            std::this_thread::sleep_for(rest_time_without_memory);
            must_rest = true;
        }
    }
}

void http_door::state::welcome(const std::shared_ptr<state>& all, os::unique_fd client, bool by_path) {
    auto& visitors = all->visitors;
    if (visitors.size() >= most_visitors) {
        const auto oldest =
            std::ranges::find_if(visitors, [](const auto& one) { return !one->is_being_answered; });
        if (oldest == visitors.end())
            return; // whose answer is being made has asked, and does not wait for long
        (*oldest)->end();
        visitors.erase(oldest);
    }
    auto one = std::make_shared<visitor>(all->io, client, by_path);
    visitor::is_given_time(one);
    visitors.push_back(one);
    asio::co_spawn(all->io, serve(all, one), asio::detached);
}

awaitable<void> http_door::state::serve(std::shared_ptr<state> all, std::shared_ptr<visitor> one) {
    struct leaving {
        state& all;
        const std::shared_ptr<visitor>& one;
        ~leaving() { all.visitors.remove(one); }
    } const leaves{*all, one};
    boost::beast::flat_buffer buffer{longest_question};
    http::request_parser<http::empty_body> parser;
    parser.header_limit(longest_question);
    error_code ec;
    (void)co_await http::async_read_header(one->socket, buffer, parser, to(ec));
    const bool is_nonsense = ec.category() == http::make_error_code(http::error::bad_method).category();
    if (ec == http::error::end_of_stream || ec == http::error::partial_message || (ec && !is_nonsense))
        co_return; // it has gone, or its time is over
    http_answer answer{.status = 400, .body = "This is no question that HTTP/1.1 knows.\n"};
    http_question question;
    if (!ec) {
        question = question_in(parser.get());
        question.comes_by_path = one->comes_by_path;
        question.asker = one->peer;
        one->is_being_answered = true;
        one->deadline.cancel();
        answer = co_await all->answer(question);
        one->is_being_answered = false;
        visitor::is_given_time(one);
    }
    auto response = response_for(std::move(answer), question);
    (void)co_await http::async_write(one->socket, response, to(ec));
    one->socket.shutdown(asio::socket_base::shutdown_send, ec);
    one->deadline.cancel();
}

http_door::http_door(boost::asio::io_context& io, answerer answer)
    : state_(std::make_shared<state>(io, std::move(answer))) {}

http_door::~http_door() {
    for (const auto& one : state_->visitors)
        one->end();
    close();
}

void http_door::close() {
    for (const auto& one : state_->doors)
        one->listener.close();
    state_->doors.clear();
    state_->opened.clear();
}

std::vector<http_door::refusal> http_door::open(const std::vector<metrics_address>& wanted, bool is_wanted) {
    state_->opened.clear();
    std::vector<refusal> refused;
    for (const auto& one : wanted) {
        if (state_->has(one.text))
            continue;
        auto made = listen_at(one);
        if (!made) {
            refused.push_back({one, made.error()});
            continue;
        }
        state_->opened.push_back(
            std::make_shared<door>(state_->io, one, std::move(made->first), std::move(made->second)));
    }
    if (!refused.empty() || !is_wanted)
        state_->opened.clear();
    return refused;
}

bool http_door::is_open() const noexcept {
    return !state_->doors.empty() || !state_->opened.empty();
}

std::vector<http_door::bound> http_door::keep(const std::vector<metrics_address>& wanted) {
    std::erase_if(state_->doors, [&](const auto& one) {
        const auto is_successor = [&one](const auto& next) { return next->address == one->address; };
        const bool stays = std::ranges::count(wanted, one->address, &metrics_address::text) > 0 &&
                           std::ranges::none_of(state_->opened, is_successor);
        if (!stays)
            one->listener.close();
        return !stays;
    });
    std::vector<bound> made;
    for (auto& one : std::exchange(state_->opened, {})) {
        const auto own = os::local_endpoint(one->listener.native_handle()); // fails for a unix socket
        made.push_back({one->address, own ? own->to_string() : one->address});
        asio::co_spawn(state_->io, state::let_in(state_, one), asio::detached);
        state_->doors.push_back(std::move(one));
    }
    return made;
}

} // namespace snipass::server
