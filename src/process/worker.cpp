// One thread: its loop, its listeners, its sessions.
#include "snipass/process/worker.hpp"

#include "snipass/delivery/proxied_session.hpp"
#include "snipass/session/reception.hpp"
#include "snipass/session/session.hpp"

#include <algorithm>
#include <random>

namespace snipass::server {

namespace {

// Of names that clients are forwarded to: known ones, and questions to the resolver at a time, each a thread.
constexpr std::size_t max_names = 4'096;
constexpr std::size_t max_questions = 64;

using namespace std::chrono_literals;

constexpr std::size_t id_random_bytes = 8; // the others count

net::unique_id random_id() {
    net::unique_id id{};
    std::random_device source;
    std::generate_n(id.begin(), id_random_bytes, [&] { return static_cast<std::uint8_t>(source()); });
    return id;
}

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

} // namespace

worker::worker(unsigned workers, std::size_t max_waiting_cap, address_book& book, log& target)
    : workers_(workers), max_waiting_cap_(max_waiting_cap), book_(book), log_(target),
      access_log_(loop_, target), relays_(loop_), names_(loop_), last_id_(random_id()) {}

worker::~worker() {
    end_all();
}

void worker::run() {
    loop_.run();
    end_all();
}

void worker::end_all() noexcept {
    relays_.end_all(net::relay_end::stopped);
    loop_.destroy_tasks();
}

void worker::post(std::function<void()> job) {
    loop_.post(std::move(job));
}

void worker::stop() {
    loop_.stop();
}

void worker::apply(std::shared_ptr<const config::configuration> configuration,
                   std::vector<listener_socket> opened) {
    site_ = std::make_shared<generation>(std::move(configuration), workers_, book_);
    const auto& server = site_->config->server;
    waiting_.set_limits(std::min(share(server.max_waiting, workers_), max_waiting_cap_),
                        share(server.max_waiting_per_source, workers_));
    names_.set_limits(share(max_names, workers_), share(max_questions, workers_));
    access_log_.configure(site_->config->log);
    relays_.set_pipe_limits(share(server.max_pipes, workers_), share(server.max_pipe_memory, workers_));
    relays_.end_if([this](const net::relay& one) { return to_session(one).must_end(*site_->config); },
                   net::relay_end::removed);
    for (auto& one : listeners_) {
        const auto* settings = find(*site_->config, one.address());
        settings != nullptr ? one.use(site_, *settings) : one.stop();
    }
    for (auto& socket : opened)
        start_listener(std::move(socket));
}

bool worker::listens_on(const ip_endpoint& one) const {
    return std::ranges::any_of(listeners_, [&](const listener& mine) { return mine.takes(one); });
}

void worker::start_listener(listener_socket socket) {
    auto& one = listeners_.emplace_back(*this, std::move(socket));
    one.use(site_, *find(*site_->config, one.address()));
    loop_.spawn(run_listener(one));
}

net::task<> worker::run_listener(listener& one) {
    co_await one.run();
    listeners_.remove_if([&one](const listener& other) { return &other == &one; });
    check_drained();
}

void worker::drain(std::function<void()> done) {
    drained_ = std::move(done);
    for (auto& one : listeners_)
        one.stop();
    check_drained();
}

void worker::check_drained() {
    if (!drained_ || sessions_ > 0 || !listeners_.empty())
        return;
    access_log_.flush();
    std::exchange(drained_, nullptr)();
}

net::unique_id worker::next_id() noexcept {
    // A big-endian counter: carry from the last byte on.
    for (auto at = last_id_.rbegin(); at != last_id_.rend() - id_random_bytes && ++*at == 0; ++at) {
    }
    return last_id_;
}

void worker::start_session(const std::shared_ptr<generation>& site, const config::listener_settings& listener,
                           os::accepted client) {
    stats_.accepted.add();
    ++sessions_;
    loop_.spawn(serve(*this, site, listener, std::move(client)));
}

void worker::start_session(const std::shared_ptr<generation>& site, const config::listener_settings& listener,
                           passed_client client) {
    stats_.accepted.add();
    ++sessions_;
    loop_.spawn(serve(*this, site, listener, std::move(client)));
}

void worker::start_reception(const std::shared_ptr<generation>& site,
                             const config::listener_settings& listener, os::unique_fd connection) {
    ++sessions_;
    loop_.spawn(run_reception(site, listener, std::move(connection)));
}

net::task<> worker::run_reception(std::shared_ptr<generation> site, const config::listener_settings& listener,
                                  os::unique_fd connection) {
    try {
        co_await receive_stream(*this, site, listener, std::move(connection)); // `site` keeps `listener`
    } catch (const std::exception& bug) { // no memory, or a registration the kernel refused
        handoff_refused(listener, bug.what());
    }
    --sessions_;
    check_drained();
}

// handoff_refused: whoever sends nonsense can do so as often as it likes, so it is told once a second.
void worker::handoff_refused(const config::listener_settings& listener, std::string_view why) {
    stats_.handoffs_refused.add();
    if (net::clock::now() - told_refused_ < 1s)
        return;
    told_refused_ = net::clock::now();
    const std::string reason{why};
    log_.write(config::log_level::warn, "a handoff was refused",
               {{"listener", listener.address}, {"why", reason}});
}

void worker::finish(record& one) {
    stats_.outcomes[static_cast<std::size_t>(one.outcome)].add();
    if (one.match)
        stats_.matches[static_cast<std::size_t>(*one.match)].add();
    if (one.duration == 0us)
        one.end_now();
    access_log_.add(one);
    --sessions_;
    check_drained();
}

std::optional<outcome> worker::start_relay(std::unique_ptr<proxied_session> one, record& about) {
    auto& session = *one;
    std::unique_ptr<net::relay> relay = std::move(one);
    const auto ec = relays_.start(relay);
    if (!ec)
        return std::nullopt;
    about = session.take_record(); // the kernel has no memory for another registration
    about.detail += (about.detail.empty() ? "" : "; ") + ec.message();
    return outcome::internal_error;
}

void worker::listener_is_broken(const std::string& address) {
    log_.write(config::log_level::error,
               "nobody can be accepted: another process has shut the socket down (restart the socket unit)",
               {{"listener", address}});
}

bool worker::make_room() {
    if (net::clock::now() - told_out_of_descriptors_ >= 1s) {
        told_out_of_descriptors_ = net::clock::now();
        log_.write(config::log_level::warn,
                   "out of file descriptors or memory (raise LimitNOFILE=): clients that wait make room");
    }
    return waiting_.shed_oldest();
}

} // namespace snipass::server
