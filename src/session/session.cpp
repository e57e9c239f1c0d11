// SPDX-License-Identifier: BSL-1.0
// One client, from accept to outcome. This is the file to read first.
#include "snipass/session/session.hpp"

#include "snipass/config/decision.hpp"
#include "snipass/delivery/delivery.hpp"
#include "snipass/os/error.hpp"
#include "snipass/session/admission.hpp"
#include "snipass/session/balancer.hpp"
#include "snipass/session/deciding.hpp"
#include "snipass/session/hearing.hpp"
#include "snipass/session/listener_reader.hpp"
#include "snipass/session/moving.hpp"
#include "snipass/session/opening_hello.hpp"
#include "snipass/session/refusal.hpp"
#include "snipass/session/serving_in_clear.hpp"

#include <algorithm>
#include <exception>
#include <optional>
#include <utility>
#include <variant>

namespace snipass::server {
namespace {

using namespace std::chrono_literals;
using net::task;

// session is the frame of one client; its members are what lives across waits.
class session {
  public:
    session(context& thread, std::shared_ptr<configuration_snapshot> snapshot,
            const config::listener_settings& listener, os::accepted client, bool is_shared = false)
        : counted_(thread.clients), snapshot_(std::move(snapshot)),
          listener_(listener), client_{thread, client_socket{std::move(client.fd), is_shared}, {}},
          reader_(*snapshot_->config, listener) {
        client_.thread.counters.accepted.add();
        client_.about.client = client.client;
        client_.about.listener = listener_.address;
        client_.about.accepted = net::clock::now();
    }

    session(context& thread, std::shared_ptr<configuration_snapshot> snapshot,
            const config::listener_settings& listener, passed_client client)
        : session(thread, std::move(snapshot), listener, os::accepted{std::move(client.fd), client.client},
                  true) {
        client_.about.via = client.via;
        client_.about.local = client.local;
        client_.about.id = client.id;
        client_.about.accepted = client.received;
        client_.consumed = std::move(client.consumed);
        if (snapshot_->terminator)
            authority_ = std::make_unique<std::string>(std::move(client.host_name));
    }

    session(context& thread, std::shared_ptr<configuration_snapshot> snapshot,
            const config::listener_settings& listener, moved_client client)
        : session(thread, std::move(snapshot), listener,
                  os::accepted{std::move(client.fd), client.known.client}, client.known.is_shared) {
        take_over(client_, client.known);
        is_behind_header_ = client.known.via.has_value();
        is_admitted_ = client.known.is_admitted;
    }

    // What a client says comes first. Who waits for it has no more than that in memory.
    [[nodiscard]] bool comes_from_balancer() const {
        return !is_behind_header_ && server::comes_from_balancer(client_, listener_);
    }
    [[nodiscard]] task<error_code> take_balancer_header() {
        return server::take_balancer_header(client_, hello_deadline());
    }
    // turn_away: whose client it is has been said by now. How it ends, if it may not come.
    [[nodiscard]] std::optional<outcome> turn_away() {
        if (std::exchange(is_admitted_, true) || !listener_.admission)
            return std::nullopt;
        return server::turn_away(client_.about, *snapshot_, listener_);
    }
    [[nodiscard]] error_code hear_opening() { return hear_now(client_, reader_.get()); }
    [[nodiscard]] task<error_code> wait_for_opening() {
        return hear_on(client_, reader_.get(), hello_deadline());
    }

    // answer takes what was heard, or why nothing was. It returns how the session ended; nullopt: it goes on
    // as a proxied_session, or in the next process.
    task<std::optional<outcome>> answer(error_code problem);

    [[nodiscard]] record& about() noexcept { return client_.about; }
    void end() { client_.thread.finish(client_.about, snapshot_->counters_of(listener_)); }
    void cut_off();

  private:
    [[nodiscard]] net::time_point hello_deadline() const;
    error_code consume_rest_of_hello();
    [[nodiscard]] std::size_t opening_size() const;
    [[nodiscard]] task<> refuse(const config::decision& decided, const last_words& words);
    [[nodiscard]] task<> redirect(std::size_t backend, const last_words& words);
    [[nodiscard]] task<> close() {
        return close_in_order(client_.thread, client_.about.client.address, client_.socket.release());
    }

    in_flight::client counted_;
    std::shared_ptr<configuration_snapshot> snapshot_;
    const config::listener_settings& listener_;
    unrouted_client client_;
    listener_reader reader_;
    bool is_behind_header_ = false; // a balancer's, which the process before has taken
    bool is_admitted_ = false;
    std::unique_ptr<std::string> authority_; // in snipass-tls: what the router says
};

task<std::optional<outcome>> session::answer(error_code problem) {
    std::unique_ptr<opened_hello> opened;
    if (!problem && asks_for_opening(client_, *snapshot_))
        problem = co_await open_hello(client_, *snapshot_, hello_deadline(), opened);
    if (problem == shed_reason::moved) {
        leave(client_, listener_, is_admitted_);
        co_return std::nullopt;
    }
    if (!problem && !client_.consumed.empty())
        problem = consume_rest_of_hello();
    if (const auto end = premature_end(problem)) {
        if (client_.about.detail.empty())
            client_.about.detail = problem.message();
        client_.socket.close();
        co_return *end;
    }
    const auto made = decide_opened(client_, *snapshot_->config, listener_, opened.get());
    const auto& decision = made.decision;
    if (decision.route && snapshot_->counts && !snapshot_->counts->routes.empty())
        snapshot_->counts->routes[*decision.route].add();
    if (!decision.backend) {
        co_await refuse(decision, made.words);
        co_return refused_as(decision.match);
    }
    if (snapshot_->config->backends[*decision.backend].redirect() != nullptr) {
        co_await redirect(*decision.backend, made.words);
        co_return outcome::redirected;
    }
    if (listener_.is_for_handoffs() && goes_round(client_)) {
        client_.about.detail = "a loop: routers hand it to each other";
        client_.about.end_now();
        co_await close();
        co_return outcome::destination_refused;
    }
    if (authority_)
        co_return co_await serve_in_clear(client_, snapshot_, *authority_, *decision.backend);
    routed_client client{client_.thread, snapshot_,        opening_size(),
                         client_.about,  client_.consumed, std::move(client_.socket)};
    client.held_since = client_.held_since;
    const auto carried = carried_state(client_.about, std::move(opened));
    client.ech = carried.get();
    auto end = co_await deliver(std::move(client), *decision.backend);
    if (std::holds_alternative<relayed>(end))
        co_return std::nullopt;
    if (std::holds_alternative<handed_off>(end))
        co_return outcome::handed_off;
    auto& ours = std::get<still_ours>(end); // nobody took it
    client_.socket = std::move(ours.client);
    if (ours.is_left) {
        client_.held_since = ours.held_since;
        leave(client_, listener_, is_admitted_);
        co_return std::nullopt;
    }
    client_.about.end_now();
    co_await close();
    co_return ours.why;
}

// refuse tells of the client's end before it lingers, as redirect does.
task<> session::refuse(const config::decision& decided, const last_words& words) {
    client_.about.end_now();
    if (decided.refusal == config::policy::status)
        client_.about.status = words.status;
    return server::refuse(client_.thread, client_.about.client.address, client_.socket.release(),
                          decided.refusal, words);
}

task<> session::redirect(std::size_t backend, const last_words& words) {
    client_.about.end_now();
    client_.about.backend = snapshot_->config->backends[backend].name;
    snapshot_->backends[backend]->count(outcome::redirected);
    client_.about.status = words.status;
    return server::answer(client_.thread, client_.about.client.address, client_.socket.release(), words);
}

net::time_point session::hello_deadline() const {
    return client_.about.accepted + snapshot_->config->server.hello_timeout;
}

// consume_rest_of_hello: of a hello that another router has begun to read, the rest is of no use in the
// socket: nobody but a backend that is told the whole of it can have this client.
error_code session::consume_rest_of_hello() {
    const auto* const asked = std::get_if<opening::question>(&client_.thread.heard);
    if (asked == nullptr || asked->size <= client_.consumed.size())
        return {};
    const auto rest =
        client_.thread.buffer.bytes.subspan(client_.consumed.size(), asked->size - client_.consumed.size());
    const auto taken = client_.socket.take_out(rest.size());
    if (!taken)
        return taken.error();
    client_.consumed.insert(client_.consumed.end(), rest.begin(), rest.end());
    return {};
}

// opening_size is what a receiver is given that cannot look into the socket: the records of the hello. Of
// what is no hello, as much as every such receiver has room for.
std::size_t session::opening_size() const {
    constexpr std::size_t most_of_no_hello = 2'048; // tarweb's room for a datagram
    return client_.about.hello ? client_.about.hello_bytes : most_of_no_hello;
}

// cut_off: the router stops.
void session::cut_off() {
    client_.about.outcome = outcome::cut_off;
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

    // is_elsewhere: a proxied_session tells it from now on, or the next process.
    void is_elsewhere() noexcept { session_ = nullptr; }

    void is(outcome how) {
        session_->about().outcome = how;
        std::exchange(session_, nullptr)->end();
    }

    ending(const ending&) = delete;
    ending& operator=(const ending&) = delete;

  private:
    session* session_;
};

// live is the session's life. Its frame, and nobody else, holds the session.
template <class Client>
task<> live(context& thread, std::shared_ptr<configuration_snapshot> snapshot,
            const config::listener_settings& listener, Client client) {
    session one{thread, std::move(snapshot), listener, std::move(client)};
    ending ending{one};
    try {
        error_code problem;
        if (one.comes_from_balancer())
            problem = co_await one.take_balancer_header();
        if (const auto refused = problem ? std::nullopt : one.turn_away())
            co_return ending.is(*refused);
        if (!problem)
            problem = one.hear_opening();
        if (os::would_block(problem))
            problem = co_await one.wait_for_opening();
        const auto end = co_await one.answer(problem);
        if (end)
            ending.is(*end);
        else
            ending.is_elsewhere();
    } catch (const std::exception& bug) { // no memory, or a registration the kernel refused
        one.about().detail = bug.what();
        ending.is(outcome::internal_error);
    }
}

} // namespace

task<> serve(context& thread, std::shared_ptr<configuration_snapshot> snapshot,
             const config::listener_settings& listener, os::accepted client) {
    return live(thread, std::move(snapshot), listener, std::move(client));
}

task<> serve(context& thread, std::shared_ptr<configuration_snapshot> snapshot,
             const config::listener_settings& listener, passed_client client) {
    return live(thread, std::move(snapshot), listener, std::move(client));
}

task<> serve(context& thread, std::shared_ptr<configuration_snapshot> snapshot,
             const config::listener_settings& listener, moved_client client) {
    return live(thread, std::move(snapshot), listener, std::move(client));
}

} // namespace snipass::server
