// SPDX-License-Identifier: BSL-1.0
// What an admin is told.
#include "snipass/process/operation.hpp"

#include "snipass/operating/metrics.hpp"
#include "snipass/operating/page.hpp"
#include "snipass/operating/status_json.hpp"
#include "snipass/process/listener_hints.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

namespace snipass::server {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using asio::awaitable;
using std::chrono::system_clock;

// Workers answer at once, unless one is held or has very much to do.
constexpr auto patience_with_workers = 250ms;

// A worker that had no memory for its answer is asked again.
constexpr auto patience_with_memory = 5s;

// Of clients that nobody served, a screen full.
constexpr std::size_t most_failures = 20;

std::string kind_of(const config::backend_settings& one) {
    if (one.termination)
        return "snipass-tls";
    if (const auto* const handoff = one.handoff())
        return std::string{config::traits_of(handoff->protocol).name};
    if (one.redirect() != nullptr)
        return "redirect";
    return one.relay() != nullptr ? "proxy" : "forward";
}

// to_wall_time: when something was that a steady clock has seen.
wall_time to_wall_time(net::time_point at) {
    return system_clock::now() - std::chrono::duration_cast<system_clock::duration>(net::clock::now() - at);
}

void add_paths(const config::handoff_settings& handoff, const drain_state& drained, backend_status& to) {
    for (std::size_t i = 0; i < handoff.paths.size(); ++i)
        to.addresses.push_back({.written = "unix:" + handoff.paths[i],
                                .endpoint = handoff.paths[i],
                                .is_drained = drained.has(i)});
}

// line_of is what stands behind `title` in its line; empty: there is no such line.
std::string line_of(const std::string& text, const std::string& title) {
    const auto found = text.find(title);
    if (found == text.npos)
        return {};
    const auto begin = found + title.size();
    return text.substr(begin, text.find('\n', begin) - begin);
}

http_answer in_short(bool is_good, const std::string& why_not) {
    return is_good ? http_answer{.body = "ok\n"} : http_answer{.status = 503, .body = why_not + "\n"};
}

} // namespace

operation::operation(asio::io_context& io, address_book& book, std::string version)
    : io_(io), book_(book), version_(std::move(version)), started_(system_clock::now()),
      doors_(io, [this](http_question question) { return answer(std::move(question)); }), next_sample_(io),
      answered_(io) {}

void operation::open(const config::configuration& next, std::vector<std::string>& problems) {
    open_all(doors_, next.metrics ? next.metrics->addresses : std::vector<config::metrics_address>{},
             next.metrics && next.metrics->is_for_router ? "tls.handoff" : "metrics.address", next.file,
             problems);
}

void operation::use(std::shared_ptr<const config::configuration> configuration, worker_pool& workers,
                    log& log, const std::vector<opened_listeners::bound>& bound) {
    configuration_ = std::move(configuration);
    workers_ = &workers;
    log_ = &log;
    reload_ = {.at = system_clock::now(), .good_since = system_clock::now()};
    for (const auto& one : bound)
        bound_[one.listener] = one.address;
    backends_.clear();
    const auto& metrics = configuration_->metrics;
    for (const auto& one : configuration_->backends)
        backends_.push_back({target_list{one, book_}, book_.presence_of(one.name)});
    for (const auto& [address, at] :
         doors_.keep(metrics ? metrics->addresses : std::vector<config::metrics_address>{}))
        log.write(config::log_level::info, "metrics", {{"address", address}, {"at", at}});
    if (metrics && !std::exchange(is_sampling_, true))
        sample();
}

void operation::leave() {
    if (configuration_->metrics && configuration_->metrics->is_for_router)
        doors_.close();
}

void operation::not_reloaded(const std::string& why) {
    reload_.is_good = false;
    reload_.at = system_clock::now();
    reload_.why = why;
}

void operation::sample() {
    if (!configuration_->metrics) {
        is_sampling_ = false;
        return;
    }
    history_.add(in_three(outcomes()));
    next_sample_.expires_after(history::interval);
    next_sample_.async_wait([this](const boost::system::error_code& ec) {
        if (!ec)
            sample();
    });
}

awaitable<http_answer> operation::answer(http_question question) {
    const auto& metrics = configuration_->metrics;
    if (auto refused = why_refused(question, metrics ? metrics->hosts : std::vector<std::string>{}))
        co_return std::move(*refused);
    const std::string path{path_of(question.target)};
    if (path == "/")
        co_return make_page();
    if (path == "/readyz")
        co_return in_short(is_ready_ && !is_stopping_, is_stopping_ ? "stopping" : "starting");
    if (path == "/healthz") {
        co_await look();
        co_return in_short(owed_ == 0, std::to_string(owed_) + " workers do not answer");
    }
    if (path == "/certificates" && certificates_.are_own())
        co_return http_answer{.body = to_lines(*certificates_.now(reload_))};
    if (path != "/metrics" && path != "/status.json")
        co_return http_answer{.status = 404,
                              .body = "Here are /, /metrics, /status.json, /healthz and /readyz.\n"};
    const auto now = co_await gather();
    http_answer made{.type = "application/json"};
    if (path == "/metrics")
        made.type = metrics_type;
    made.body = path == "/metrics" ? to_metrics(now) : to_json(now, history_);
    co_return made;
}

// look asks the workers for their views, and waits for them, but not for long. While they owe the last ones
// nothing is asked.
awaitable<void> operation::look() {
    const auto now = std::chrono::steady_clock::now();
    if (owed_ == 0 || now - asked_ >= patience_with_memory) {
        owed_ = workers_->size();
        asked_ = now;
        coming_.clear();
        coming_.reserve(owed_); // where they come in, nobody catches bad_alloc
        answered_.expires_after(patience_with_workers);
        workers_->look([this, now](worker_view view) {
            asio::post(io_, [this, now, got = std::move(view)]() mutable { seen(std::move(got), now); });
        });
    }
    boost::system::error_code ec;
    co_await answered_.async_wait(asio::redirect_error(asio::use_awaitable, ec));
}

// seen: of an answer to an earlier question nobody knows any more whose it is.
void operation::seen(worker_view view, std::chrono::steady_clock::time_point asked) {
    if (asked != asked_)
        return;
    coming_.push_back(std::move(view));
    if (--owed_ > 0)
        return;
    views_ = std::move(coming_);
    answered_.cancel();
}

awaitable<status> operation::gather() {
    co_await look();
    if (configuration_->tls)
        co_await certificates_.look(io_, *configuration_->tls, patience_with_workers);
    const auto counted = workers_->counted();
    status now;
    add_process(now);
    add_counters(now);
    add_listeners(now, counted);
    add_backends(now, counted);
    add_views(now);
    if (configuration_->tls) {
        now.tls = certificates_.now(reload_);
        now.is_tls_away = !now.tls;
    }
    now.route_count = configuration_->routes.size();
    if (configuration_->metrics)
        for (std::size_t i = 0; i < counted.routes.size(); ++i)
            now.routes.emplace_back(configuration_->metrics->route_names[i], counted.routes[i]);
    co_return now;
}

void operation::add_process(status& to) const {
    to.version = version_.substr(0, version_.find('\n'));
    to.commit = line_of(version_, "commit: ");
    to.file = configuration_->file;
    to.now = system_clock::now();
    to.started = started_;
    to.is_ready = is_ready_ && !is_stopping_;
    to.is_stopping = is_stopping_;
    to.workers = workers_->size();
    to.silent_workers = owed_;
    to.reload = reload_;
    to.process = os::own_usage();
    to.dropped_lines = log_->dropped();
    to.failed_lookups = book_.failed_lookups;
}

outcome_totals operation::outcomes() const {
    outcome_totals sum{};
    workers_->each_stats([&](const stats& one) {
        for (std::size_t i = 0; i < outcome_count; ++i)
            sum[i] += one.outcomes[i].value();
    });
    return sum;
}

void operation::add_counters(status& to) const {
    to.in_flight = workers_->in_flight();
    to.outcomes = outcomes();
    workers_->each_stats([&](const stats& one) {
        to.accepted += one.accepted.value();
        to.accept_pauses += one.accept_paused.value();
        to.handoffs_refused += one.handoffs_refused.value();
        to.empty += one.empty.value();
        for (std::size_t i = 0; i < match_count; ++i)
            to.matches[i] += one.matches[i].value();
        for (std::size_t i = 0; i < ech_outcome_count; ++i)
            to.ech[i] += one.ech[i].value();
        one.handoff_time.add_to(to.handoff_time);
        one.hello_size.add_to(to.hello_size);
    });
}

void operation::add_listeners(status& to, const tally_totals& counted) const {
    to.is_counted = configuration_->metrics.has_value();
    for (std::size_t i = 0; i < configuration_->listeners.size(); ++i) {
        const auto& address = configuration_->listeners[i].address;
        const auto bound = bound_.find(address);
        to.listeners.push_back({address, bound == bound_.end() ? "" : bound->second});
        if (to.is_counted)
            to.listeners.back().outcomes = counted.listeners[i];
    }
}

void operation::add_backends(status& to, const tally_totals& counted) {
    for (std::size_t i = 0; i < backends_.size(); ++i) {
        const auto& settings = configuration_->backends[i];
        auto& [targets, known] = backends_[i];
        const auto& drained = targets.drained();
        backend_status one{.name = settings.name, .kind = kind_of(settings)};
        one.takes_clients = !known->is_away();
        one.is_drained = drained.is_whole();
        one.is_relayed = settings.proxy() != nullptr;
        one.held = known->held;
        one.unanswered = known->sent.size();
        one.ejections = known->ejections;
        if (to.is_counted)
            one.counted = counted.backends[i];
        if (const auto* const handoff = settings.handoff())
            add_paths(*handoff, drained, one);
        for (const auto& at : targets.all())
            one.addresses.push_back({at.address->text, name_of(at), at.state->ejected.load(),
                                     at.state->sessions.load(), targets.is_drained(at)});
        one.why_missing = targets.why_missing();
        to.backends.push_back(std::move(one));
    }
}

void operation::add_views(status& to) const {
    std::vector<failure> failures;
    for (const auto& one : views_) {
        to.waiting += one.waiting;
        to.relayed += one.relayed;
        failures.insert(failures.end(), one.failures.begin(), one.failures.end());
    }
    thin_out(failures, most_failures);
    for (auto& failed : failures)
        to.failures.push_back({to_wall_time(failed.at), std::move(failed)});
    std::ranges::stable_sort(to.failures, std::ranges::greater{}, &failed_client::at);
}

} // namespace snipass::server
