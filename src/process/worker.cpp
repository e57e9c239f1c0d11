// SPDX-License-Identifier: BSL-1.0
// One thread: its loop, its listeners, its sessions.
#include "snipass/process/worker.hpp"

#include "snipass/delivery/proxied_session.hpp"
#include "snipass/net/sleeper.hpp"
#include "snipass/os/limits.hpp"
#include "snipass/os/tcp.hpp"
#include "snipass/session/session.hpp"
#include "snipass/upgrade/form.hpp"

#include <algorithm>
#include <chrono>
#include <new>
#include <string>
#include <utility>

namespace snipass::server {

namespace {

// Of names that clients are forwarded to: known ones, questions at a time, and clients that wait for an
// answer. A question has a descriptor, or a few.
constexpr net::name_cache::limits names_limits{4'096, 256, 4'096};

// A stop waits so long for the rest of hellos. Nobody is accepted meanwhile, and a stranger who says one byte
// is always there.
constexpr std::chrono::seconds patience_at_stop{1};

// Of relays that are made ready to leave.
constexpr std::size_t relays_in_a_row = 256;

// Of the machine's memory. From a sixteenth on the kernel is sparing with what TCP gets (tcp_mem, tcp(7)).
constexpr std::size_t buffers_part = 64;

// A worker's relays are all sessions.
const proxied_session& to_session(const net::relay& one) noexcept {
    return static_cast<const proxied_session&>(one);
}

const config::listener_settings* find(const config::configuration& configuration,
                                      const std::string& address) {
    const auto found =
        std::ranges::find(configuration.listeners, address, &config::listener_settings::address);
    return found == configuration.listeners.end() ? nullptr : &*found;
}

// descriptors_each is how many a client takes at most whose TLS has ended here: its own and one end of a
// pair; the other end and the backend's connection if that is proxied; another pair if that is spoken to in
// TLS.
std::size_t descriptors_each(const config::configuration& configuration) {
    const bool is_encrypted_again = std::ranges::any_of(configuration.backends, [](const auto& one) {
        return one.termination && one.termination->encryption;
    });
    return is_encrypted_again ? 6 : 4;
}

} // namespace

worker::worker(const descriptor_budget& descriptors, address_book& book, log& target)
    : descriptors_(descriptors), thread_(book, target) {
    thread_.kept_from = descriptors.kept_from;
    thread_.pending.set_limit(descriptors.pending());
    thread_.clients.when_none = [this] { check_drained(); };
}

worker::~worker() {
    end_all();
}

void worker::run() {
    thread_.loop.run();
    end_all();
}

void worker::end_all() noexcept {
    thread_.relays.end_all(net::relay_end::stopped);
    thread_.names.end();
    thread_.loop.destroy_tasks();
}

void worker::post(std::function<void()> job) {
    thread_.loop.post(std::move(job));
}

void worker::stop() {
    thread_.loop.stop();
}

void worker::apply(std::shared_ptr<const config::configuration> configuration,
                   std::vector<listener_socket> opened, std::shared_ptr<terminator> ends_tls,
                   std::shared_ptr<tally> counts) {
    const auto workers = descriptors_.workers;
    const auto now =
        std::make_shared<configuration_snapshot>(std::move(configuration), workers, thread_.book,
                                                 thread_.pending, std::move(ends_tls), std::move(counts));
    thread_.in_use = now;
    const auto& server = now->config->server;
    thread_.waiting.set_limits(std::min(share(server.max_waiting, workers), descriptors_.waiting()),
                               share(server.max_waiting_per_source, workers));
    thread_.names.set_limits({share(names_limits.names, workers), share(names_limits.questions, workers),
                              share(names_limits.waiting, workers), thread_.kept_from});
    thread_.lines.configure(now->config->log, std::max<std::size_t>(access_log::refused_lines / workers, 1));
    thread_.ech.aim(now->config->ech ? now->config->ech->helper_path : std::string{});
    limit_relays(server);
    limit_termination(*now->config);
    thread_.relays.end_if([&](const net::relay& one) { return to_session(one).must_end(*now->config); },
                          net::relay_end::removed);
    for (auto& one : listeners_) {
        const auto is_its_successor = [&one](const auto& other) { return one.is_followed_by(other); };
        const auto* settings = find(*now->config, one.address());
        if (settings != nullptr)
            one.use(now, *settings);
        if (settings == nullptr || std::ranges::any_of(opened, is_its_successor))
            one.stop();
    }
    for (auto& socket : opened)
        start_listener(std::move(socket));
}

worker_view worker::look() const {
    return {thread_.waiting.size(), thread_.relayed.size(), thread_.failures.all()};
}

void worker::limit_relays(const config::server_settings& server) {
    const auto workers = descriptors_.workers;
    const auto per_source = server.max_relayed_per_source.value_or(server.max_relayed);
    thread_.relayed.set_limits(descriptors_.relayed(server), share(per_source, workers));
    thread_.relays.set_pipe_limits(descriptors_.pipes(server), share(server.max_pipe_memory, workers),
                                   thread_.kept_from);
    thread_.relays.set_buffer_limit(os::physical_memory() / buffers_part / workers);
}

void worker::limit_termination(const config::configuration& configuration) {
    const auto workers = descriptors_.workers;
    const auto handshakes = configuration.tls ? share(configuration.tls->max_handshakes, workers) : 1;
    thread_.handshakes.set_limits(handshakes, handshakes);
    const auto& server = configuration.server;
    const auto most = std::min(share(server.max_relayed, workers),
                               descriptors_.for_clients / descriptors_each(configuration));
    const auto per_source = server.max_relayed_per_source.value_or(server.max_relayed);
    thread_.in_clear.set_limits(std::max<std::size_t>(most, 1), share(per_source, workers));
}

void worker::start_listener(listener_socket socket) {
    auto& one = listeners_.emplace_back(thread_, std::move(socket));
    one.use(thread_.in_use, *find(*thread_.in_use->config, one.address()));
    thread_.loop.spawn(run_listener(one));
}

net::task<> worker::run_listener(listener& one) {
    co_await one.run();
    listeners_.remove_if([&one](const listener& other) { return &other == &one; });
    check_closed();
    check_drained();
}

void worker::begin_to_leave() {
    thread_.is_leaving = true;
    for (auto& one : listeners_)
        one.rest();
    thread_.waiting.leave();
    std::vector<pending*> all;
    thread_.pending.for_each([&all](pending& one) { all.push_back(&one); });
    for (auto* const one : all)
        one->step_aside();
    prepare_relays();
}

// prepare_relays takes its turns with the relays themselves.
void worker::prepare_relays() {
    relays_are_prepared_ = thread_.relays.prepare_some(relays_in_a_row);
    if (!relays_are_prepared_)
        thread_.loop.post([this] { prepare_relays(); });
}

void worker::come_back() {
    thread_.is_leaving = false;
    thread_.waiting.open();
    for (auto& one : listeners_)
        one.go_on();
    for (auto& one : std::exchange(thread_.left, {})) {
        thread_.counters.left.add();
        go_on_with(std::move(one));
    }
}

void worker::go_on_with(moved_client one) {
    const auto& snapshot = thread_.in_use;
    if (const auto* const listener = find(*snapshot->config, one.known.listener))
        thread_.loop.spawn(serve(thread_, snapshot, *listener, std::move(one)));
    else {
        lose("its listener is gone from the file"); // nothing says any more what it may ask for
        os::close_with_reset(std::move(one.fd));
    }
}

void worker::lose(std::string_view why) {
    thread_.counters.accepted.add();
    thread_.counters.left.add();
    thread_.events.write(config::log_level::warn, "a client of the process before is cut off",
                         {{"why", why}});
}

void worker::describe() {
    constexpr std::size_t usual_relay = 384;
    described_ = {};
    described_.relays.reserve(thread_.relays.size() * usual_relay);
    described_.descriptors.reserve(2 * thread_.relays.size());
    thread_.relays.for_each([this](const net::relay& one) {
        upgrade::append(described_.relays, to_session(one).known());
        one.add_descriptors(described_.descriptors);
        ++described_.count;
    });
    described_.is_whole = true;
}

void worker::add_listeners(upgrade::state& state, std::vector<int>& listeners) const {
    for (const auto& one : listeners_) {
        const auto known = one.state();
        const auto is_the_same = [&](const upgrade::listener& other) {
            return other.address == known->address && other.kind == known->kind;
        };
        if (!known || std::ranges::any_of(state.listeners, is_the_same))
            continue;
        state.listeners.push_back(*known);
        listeners.push_back(one.socket());
    }
}

void worker::add_waiting(upgrade::state& state, std::vector<int>& clients) const {
    for (const auto& one : thread_.left) {
        state.waiting.push_back(one.known);
        clients.push_back(one.fd.get());
    }
}

void worker::let_go() {
    for (auto left = thread_.relays.size() + thread_.left.size(); left > 0; --left)
        thread_.counters.left.add();
    (void)thread_.relays.prepare_some(thread_.relays.size());
    thread_.relays.let_go();
    forget_description();
    thread_.left.clear();
    thread_.is_leaving = false; // who is still here ends here
    thread_.waiting.open();
    for (auto& one : listeners_)
        one.leave_backlog();
}

void worker::drain(std::function<void()> done, std::function<void()> closed) {
    closed_ = std::move(closed);
    drained_ = std::move(done);
    for (auto& one : listeners_)
        one.stop();
    try {
        thread_.loop.spawn(end_waiting());
    } catch (const std::bad_alloc&) { // those who wait end at their deadlines
    }
    check_closed();
    check_drained();
}

void worker::check_closed() {
    if (closed_ && listeners_.empty())
        std::exchange(closed_, nullptr)();
}

net::task<> worker::end_waiting() {
    net::sleeper patience{thread_.loop};
    co_await patience.sleep(net::clock::now() + patience_at_stop);
    close_waiting();
}

// close_waiting: to say whose turn it is takes memory. Where there is none, they end at their deadlines.
void worker::close_waiting() {
    for (auto* const room : {&thread_.waiting, &thread_.handshakes}) {
        try {
            room->close();
        } catch (const std::bad_alloc&) {
        }
    }
}

void worker::check_drained() {
    const auto gone = thread_.relays.is_gone() ? thread_.relays.size() : 0;
    if (!drained_ || thread_.clients.size() > gone || !listeners_.empty())
        return;
    thread_.lines.flush();
    std::exchange(drained_, nullptr)();
}

} // namespace snipass::server
