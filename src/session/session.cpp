// SPDX-License-Identifier: BSL-1.0
// One client, from accept to outcome. This is the file to read first.
#include "snipass/session/session.hpp"

#include "snipass/base/quoted.hpp"
#include "snipass/config/decision.hpp"
#include "snipass/delivery/delivery.hpp"
#include "snipass/net/wait_error.hpp"
#include "snipass/os/error.hpp"
#include "snipass/proxy_protocol/read.hpp"
#include "snipass/session/balancer_header.hpp"
#include "snipass/tls/client_hello.hpp"
#include "snipass/tls/constants.hpp"
#include "snipass/tls/hello_error.hpp"

#include <algorithm>
#include <array>
#include <exception>
#include <utility>
#include <variant>

namespace snipass::server {
namespace {

using namespace std::chrono_literals;
using net::task;

// A socket that is readable without the bytes that were asked for is short of receive buffer, or its client
// does not play fair (a peek ends at urgent data). It stays readable, so only pauses keep us from spinning:
// each is twice the one before, 64 times the first at most.
constexpr auto first_pause = 10ms;
constexpr unsigned most_doublings = 6;

// Such a socket gets room for twice what was asked for, then for four times.
constexpr unsigned most_room = 2;

// How long a refused client may take to hear of it before its socket is closed under it.
constexpr auto linger_time = 1s;

constexpr std::size_t everything = 1U << 30;

// session is the frame of one client; its members are what lives across waits.
class session {
  public:
    session(context& thread, std::shared_ptr<generation> site, const config::listener_settings& listener,
            os::accepted client, bool is_shared = false)
        : thread_(thread), site_(std::move(site)), listener_(listener),
          client_(std::move(client.fd), is_shared), peeker_(site_->config->server.hello_max) {
        thread_.counters.accepted.add();
        about_.client = client.client;
        about_.listener = listener_.address;
        about_.accepted = net::clock::now();
    }

    session(context& thread, std::shared_ptr<generation> site, const config::listener_settings& listener,
            passed_client client)
        : session(thread, std::move(site), listener, os::accepted{std::move(client.fd), client.client},
                  true) {
        about_.via = client.via;
        about_.local = client.local;
        about_.id = client.id;
        about_.accepted = client.received;
        consumed_ = std::move(client.consumed);
    }

    // run returns how the session ended, or that it goes on as a proxied_session.
    task<std::variant<outcome, relayed>> run();
    [[nodiscard]] record& about() noexcept { return about_; }
    void end() { thread_.finish(about_); }
    void cut_off();

  private:
    [[nodiscard]] bool comes_from_balancer() const;
    [[nodiscard]] net::time_point hello_deadline() const;
    error_code look();
    task<error_code> wait_for_hello();
    error_code consume_rest_of_hello();
    config::decision decide(error_code problem);
    [[nodiscard]] std::string unexpected_proxy_header() const;
    task<> refuse(const config::decision& decision);
    task<> close(byte_view last_words);

    context& thread_;
    in_flight::client counted_{thread_.clients};
    std::shared_ptr<generation> site_;
    const config::listener_settings& listener_;
    client_socket client_;
    net::hello_peeker peeker_;
    record about_;
    std::vector<std::uint8_t> consumed_; // what another router read of the client; empty for nearly all
    std::uint8_t alert_ = tls::alert::unrecognized_name; // what a refused client is told, where it is told
};

// Why a session ended that has no hello to judge; nullopt if there is one, good or bad.
std::optional<outcome> premature_end(const error_code& problem) {
    if (!problem || problem.category() == tls::hello_category())
        return std::nullopt;
    if (problem == net::wait_error::timed_out)
        return outcome::hello_timeout;
    if (problem == bad_balancer_header)
        return outcome::bad_proxy_header;
    if (problem == shed_reason::room)
        return outcome::shed;
    if (problem == shed_reason::source)
        return outcome::shed_source;
    if (problem == net::wait_error::end_of_file || os::is_disconnect(problem))
        return outcome::client_closed;
    return outcome::internal_error;
}

net::time_point pause_end(unsigned pauses_before, net::time_point deadline) {
    return std::min(net::clock::now() + first_pause * (1U << std::min(pauses_before, most_doublings)),
                    deadline);
}

// A fatal alert in a record of its own (RFC 8446 sections 5.1 and 6).
std::array<std::uint8_t, 7> alert_record(std::uint8_t description) {
    constexpr std::uint8_t fatal = 2;
    return {tls::content_type::alert, 3, 3, 0, 2, fatal, description};
}

task<std::variant<outcome, relayed>> session::run() {
    error_code problem;
    if (comes_from_balancer())
        problem = co_await take_balancer_header(thread_, client_.get(), about_, hello_deadline());
    if (!problem)
        problem = look();
    if (os::would_block(problem))
        problem = co_await wait_for_hello();
    if (!problem && !consumed_.empty())
        problem = consume_rest_of_hello();
    about_.hello_bytes = problem ? peeker_.bytes().size() : peeker_.hello_size();
    about_.has_spoken = about_.has_spoken || about_.hello_bytes > 0;
    if (const auto end = premature_end(problem)) {
        if (about_.detail.empty())
            about_.detail = problem.message();
        client_.close();
        co_return *end;
    }
    const auto decision = decide(problem);
    if (!decision.backend) {
        about_.end_now();
        co_await refuse(decision);
        co_return refused_as(decision.match);
    }
    routed_client client{thread_, site_, std::move(client_), peeker_, about_, std::move(consumed_)};
    auto end = co_await deliver(std::move(client), *decision.backend);
    if (std::holds_alternative<relayed>(end))
        co_return relayed{};
    if (std::holds_alternative<handed_off>(end))
        co_return outcome::handed_off;
    auto& ours = std::get<still_ours>(end); // nobody took it
    client_ = std::move(ours.client);
    about_.end_now();
    co_await close({});
    co_return ours.why;
}

net::time_point session::hello_deadline() const {
    return about_.accepted + site_->config->server.hello_timeout;
}

bool session::comes_from_balancer() const {
    return std::ranges::any_of(listener_.accept_proxy_protocol, [this](const ip_prefix& balancers) {
        return balancers.contains(about_.client.address);
    });
}

// look: no error once the hello is complete, EAGAIN while it is not, a tls::hello_error if it never can be.
error_code session::look() {
    const auto state = peeker_.look(client_.get(), thread_.buffer, consumed_);
    if (!state)
        return state.error();
    return *state == net::hello_state::complete ? error_code{} : os::make_error(EAGAIN);
}

task<error_code> session::wait_for_hello() {
    const auto deadline = hello_deadline();
    net::fd_watch watch{thread_.loop, client_.get()};
    const waiting_room::place place{thread_.waiting, about_.client.address, watch};
    // One error_code for all: this frame is what a waiting client costs.
    error_code ec;
    unsigned short_wakes = 0;
    for (std::size_t asked = 0;;) {
        asked = peeker_.needed() - consumed_.size();
        if ((ec = os::wait_for_bytes(client_.get(), asked)))
            co_return ec;
        ec = co_await watch.readable(deadline);
        if (ec)
            co_return ec;
        ec = look();
        if (!os::would_block(ec))
            break;
        if (peeker_.bytes().size() >= asked + consumed_.size()) {
            short_wakes = 0;
            continue;
        }
        if (os::peer_has_closed(client_.get()))
            co_return ec = net::wait_error::end_of_file;
        if ((ec = os::make_room(client_.get(), asked << std::min(short_wakes + 1, most_room))))
            co_return ec;
        ec = co_await watch.pause(pause_end(short_wakes++, deadline));
        if (ec && ec != net::wait_error::timed_out)
            co_return ec;
    }
    // The backend gets the socket as accept4 made it, one that is for clients who speak no TLS too.
    if (!ec || ec.category() == tls::hello_category()) {
        if (const auto failure = os::wait_for_bytes(client_.get(), 1))
            ec = failure;
    }
    co_return ec;
}

// consume_rest_of_hello: of a hello that another router has begun to read, the rest is of no use in the
// socket: nobody but a backend that is told the whole of it can have this client.
error_code session::consume_rest_of_hello() {
    if (peeker_.hello_size() <= consumed_.size())
        return {};
    const auto rest = peeker_.bytes().subspan(consumed_.size(), peeker_.hello_size() - consumed_.size());
    const auto taken = os::discard(client_.get(), rest.size());
    if (!taken)
        return taken.error();
    consumed_.insert(consumed_.end(), rest.begin(), rest.end());
    return {};
}

// decide parses the hello that is in the thread's buffer, unless there is a problem with it already.
config::decision session::decide(error_code problem) {
    auto kind = config::hello_kind::without_name;
    route::client_facts client{about_.client.address, {}};
    std::optional<host_name> name;
    if (!problem) {
        const auto hello = tls::parse_client_hello(peeker_.message(thread_.buffer));
        if (!hello) {
            problem = hello.error();
        } else {
            client.alpn = hello->alpn;
            if (hello->server_name) {
                kind = config::hello_kind::with_name;
                name = host_name::parse(*hello->server_name);
            }
            about_.hello = take_notes(*hello, site_->config->log.hello);
        }
    }
    if (problem) {
        const bool not_tls = problem == tls::hello_error::not_tls;
        kind = not_tls ? config::hello_kind::not_tls : config::hello_kind::malformed;
        alert_ = tls::alert_for(static_cast<tls::hello_error>(problem.value()));
        about_.detail = not_tls && proxy_protocol::begins_with_header(peeker_.bytes())
                            ? unexpected_proxy_header()
                            : problem.message();
    }
    const auto decision = config::decide(*site_->config, listener_, kind, name, client);
    about_.match = decision.match;
    if (decision.route)
        about_.route = site_->config->routes[*decision.route].where.line;
    return decision;
}

// unexpected_proxy_header: of a load balancer that the file does not name the admin wants to hear.
std::string session::unexpected_proxy_header() const {
    if (about_.via)
        return "a second PROXY header";
    if (listener_.address.starts_with("handoff:"))
        return "a PROXY header, which the router in front has left there";
    const auto from = about_.client.address.to_string();
    const auto how = listener_.accept_proxy_protocol.empty()
                         ? "write accept_proxy_protocol = [" + in_quotes(from) + "]"
                         : "add " + in_quotes(from) + " to its accept_proxy_protocol";
    return "a PROXY header from " + from + "; if that is a load balancer in front of listener " +
           in_quotes(listener_.address) + ", " + how;
}

task<> session::refuse(const config::decision& decision) {
    if (decision.refusal == config::policy::reset) {
        os::close_with_reset(client_.release());
    } else if (decision.refusal == config::policy::alert) {
        const auto alert = alert_record(alert_);
        co_await close(alert);
    } else {
        co_await close({});
    }
}

// close ends the connection in order: last words, FIN, and a moment in which the client can read them. A
// socket that is closed with bytes unread, or that gets more, answers with RST, which can overtake what was
// said.
task<> session::close(byte_view last_words) {
    const auto client = client_.release();
    if (os::finish(client.get(), last_words))
        co_return;
    const auto deadline = net::clock::now() + linger_time;
    net::fd_watch watch{thread_.loop, client.get()};
    const waiting_room::place place{thread_.waiting, about_.client.address, watch};
    while (!co_await watch.readable(deadline)) {
        const auto n = os::discard(client.get(), everything);
        if (n && *n == 0)
            break;
        if (!n && !os::would_block(n.error()))
            break;
    }
}

// cut_off: the router stops.
void session::cut_off() {
    about_.outcome = outcome::cut_off;
    end();
}

// ending sees to it that a session's end is told, even of one that is destroyed in the middle of its life.
class ending {
  public:
    explicit ending(session& one) noexcept : session_(&one) {}
    ~ending() {
        if (session_ != nullptr)
            session_->cut_off();
    }

    // is_relayed: a proxied_session tells it from now on.
    void is_relayed() noexcept { session_ = nullptr; }

    void is(outcome how) {
        session_->about().outcome = how;
        std::exchange(session_, nullptr)->end();
    }

    ending(const ending&) = delete;
    ending& operator=(const ending&) = delete;

  private:
    session* session_;
};

// The session is the coroutine's own parameter: its frame, and nobody else, holds it.
task<> live(session one) {
    ending ending{one};
    try {
        const auto end = co_await one.run();
        if (const auto* const how = std::get_if<outcome>(&end))
            ending.is(*how);
        else
            ending.is_relayed();
    } catch (const std::exception& bug) { // no memory, or a registration the kernel refused
        one.about().detail = bug.what();
        ending.is(outcome::internal_error);
    }
}

} // namespace

task<> serve(context& thread, std::shared_ptr<generation> site, const config::listener_settings& listener,
             os::accepted client) {
    return live(session{thread, std::move(site), listener, std::move(client)});
}

task<> serve(context& thread, std::shared_ptr<generation> site, const config::listener_settings& listener,
             passed_client client) {
    return live(session{thread, std::move(site), listener, std::move(client)});
}

} // namespace snipass::server
