// The process: signals, reloads, the service manager, and the workers.
#include "snipass/process/daemon.hpp"

#include "snipass/backends/upkeep.hpp"
#include "snipass/config/parse.hpp"
#include "snipass/os/signals.hpp"
#include "snipass/os/systemd.hpp"
#include "snipass/process/listener_opener.hpp"
#include "snipass/process/service_manager.hpp"
#include "snipass/process/worker_pool.hpp"
#include "snipass/telling/log.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace snipass::server {
namespace {

namespace asio = boost::asio;

using namespace std::chrono_literals;
using config::log_level;

constexpr auto retire_interval = 1s;

unsigned worker_count(const config::server_settings& settings) {
    return settings.workers > 0 ? settings.workers : std::max(1U, std::thread::hardware_concurrency());
}

class daemon {
  public:
    explicit daemon(std::shared_ptr<const config::configuration> configuration)
        : configuration_(std::move(configuration)), log_(configuration_->log), opener_(os::take_listen_fds()),
          signals_(io_, SIGHUP, SIGTERM, SIGINT), manager_(io_), watchdog_(io_), retire_(io_), drain_(io_) {
        signals_.add(SIGUSR1);
    }

    int run();

  private:
    void reload();
    void apply(opened_listeners opened);
    void applied_by_a_worker();
    void tell_ready();
    [[nodiscard]] std::string summary() const;
    void retire_configurations();

    void await_signal();
    void on_signal(int number);
    void log_counters();
    void feed_watchdog(std::chrono::microseconds interval);

    void drain();
    void drained_a_worker();
    void finish();

    std::shared_ptr<const config::configuration> configuration_;
    log log_;
    address_book book_;
    std::optional<upkeep> upkeep_;
    listener_opener opener_;
    asio::io_context io_{1};
    asio::signal_set signals_;
    service_manager manager_;
    asio::steady_timer watchdog_;
    asio::steady_timer retire_;
    asio::steady_timer drain_;
    std::optional<worker_pool> workers_; // once the listeners are open
    std::vector<std::shared_ptr<const config::configuration>> retired_;
    std::string status_;       // what the service manager shows
    std::size_t applying_ = 0; // answers that the workers owe, of this reload and of any before it
    std::size_t draining_ = 0; // workers with sessions in flight
    bool stopping_ = false;
};

int daemon::run() {
    std::signal(SIGPIPE, SIG_IGN); // standard error may be a pipe whose reader is gone
    const auto workers = worker_count(configuration_->server);
    auto opened = opener_.open(configuration_->listeners, workers);
    for (const auto& problem : opened.problems)
        log_.write(log_level::error, problem);
    if (!opened.problems.empty())
        return 1;
    {
        const os::all_signals_blocked blocked; // those of the process are this thread's
        upkeep_.emplace(book_, log_);
        workers_.emplace(workers, book_, log_);
    }
    apply(std::move(opened));
    await_signal();
    if (const auto interval = os::watchdog_interval())
        feed_watchdog(*interval / 2);
    io_.run();
    return 0;
}

// reload: a file with a mistake in it, or a listener that cannot be opened, leaves everything as it was.
void daemon::reload() {
    manager_.tell(os::reloading_state());
    const auto loaded = config::load(configuration_->file);
    for (const auto& diagnostic : loaded.diagnostics) {
        const bool error = diagnostic.level == config::severity::error;
        log_.write(error ? log_level::error : log_level::warn, diagnostic.to_string(configuration_->file));
    }
    opened_listeners opened;
    if (loaded.value) {
        auto added = loaded.value->listeners;
        std::erase_if(added, [this](const auto& one) {
            return std::ranges::count(configuration_->listeners, one.address,
                                      &config::listener_settings::address) > 0;
        });
        opened = opener_.open(added, workers_->size());
        for (const auto& problem : opened.problems)
            log_.write(log_level::error, problem);
    }
    if (!loaded.value || !opened.problems.empty()) {
        log_.write(log_level::error, "not reloaded: the configuration before goes on");
        status_ = "The last reload failed; the configuration before it goes on";
        return tell_ready();
    }
    if (loaded.value->server.workers != configuration_->server.workers) {
        log_.write(log_level::warn, "server.workers changes only with a restart");
    }
    for (const auto& problem :
         listener_opener::change_modes(configuration_->listeners, loaded.value->listeners))
        log_.write(log_level::warn, problem);
    retired_.push_back(std::exchange(configuration_, loaded.value));
    retire_configurations();
    apply(std::move(opened));
}

// apply gives every worker the configuration and its new sockets.
void daemon::apply(opened_listeners opened) {
    log_.configure(configuration_->log);
    upkeep_->use(configuration_);
    opener_.keep(configuration_->listeners);
    for (const auto& [listener, address] : opened.bound_addresses) {
        log_.write(log_level::info, "listening", {{"listener", listener}, {"address", address}});
    }
    status_ = "Serving " + summary();
    applying_ += workers_->size();
    workers_->apply(configuration_, std::move(opened.by_worker),
                    [this] { asio::post(io_, [this] { applied_by_a_worker(); }); });
}

void daemon::applied_by_a_worker() {
    if (--applying_ > 0)
        return;
    log_.write(log_level::info, "serving", {{"configuration", configuration_->file}, {"what", summary()}});
    tell_ready();
}

// tell_ready: once all is in use that was asked for.
void daemon::tell_ready() {
    if (applying_ > 0 || stopping_)
        return;
    manager_.tell("READY=1\nSTATUS=" + status_);
}

std::string daemon::summary() const {
    return std::to_string(configuration_->listeners.size()) + " listeners, " +
           std::to_string(configuration_->table.size()) + " names, " +
           std::to_string(configuration_->backends.size()) + " backends";
}

// Sessions keep the configuration they began with. The last holder is to be this thread: a table of a million
// names takes a while to free, and no worker is to spend that while its clients wait.
void daemon::retire_configurations() {
    std::erase_if(retired_, [](const auto& one) { return one.use_count() == 1; });
    if (retired_.empty())
        return;
    retire_.expires_after(retire_interval);
    retire_.async_wait([this](const boost::system::error_code& ec) {
        if (!ec)
            retire_configurations();
    });
}

void daemon::await_signal() {
    signals_.async_wait([this](const boost::system::error_code& ec, int number) {
        if (ec)
            return;
        on_signal(number);
        await_signal();
    });
}

void daemon::on_signal(int number) {
    if (number == SIGUSR1)
        return log_counters();
    if (number != SIGHUP)
        return drain();
    if (!stopping_)
        reload();
}

void daemon::log_counters() {
    const auto totals = workers_->totals();
    std::vector<std::string> values;
    for (const auto& [name, value] : totals)
        values.push_back(std::to_string(value));
    std::vector<log::field> fields;
    for (std::size_t i = 0; i < totals.size(); ++i)
        fields.push_back({totals[i].first, values[i]});
    log_.write(log_level::info, "counters", fields);
}

// The service manager hears from us as long as every worker answers: each is asked, and all answers to the
// question before are in.
void daemon::feed_watchdog(std::chrono::microseconds interval) {
    if (workers_->ask_pulse())
        manager_.feed_watchdog();
    watchdog_.expires_after(interval);
    watchdog_.async_wait([this, interval](const boost::system::error_code& ec) {
        if (!ec)
            feed_watchdog(interval);
    });
}

void daemon::drain() {
    if (std::exchange(stopping_, true))
        return finish(); // asked twice
    manager_.tell("STOPPING=1");
    log_.write(log_level::info, "stopping", {{"in_flight", std::to_string(workers_->in_flight())}});
    draining_ = workers_->size();
    workers_->drain([this] { asio::post(io_, [this] { drained_a_worker(); }); });
    drain_.expires_after(configuration_->server.drain_timeout);
    drain_.async_wait([this](const boost::system::error_code& ec) {
        if (ec)
            return;
        log_.write(log_level::warn, "drain_timeout has passed: resetting the sessions that are left",
                   {{"left", std::to_string(workers_->in_flight())}});
        finish();
    });
}

void daemon::drained_a_worker() {
    if (--draining_ == 0)
        finish();
}

void daemon::finish() {
    const auto left = workers_->in_flight();
    workers_->stop();
    log_.write(log_level::info, "stopped", {{"closed", std::to_string(left)}});
    io_.stop();
}

} // namespace

int run_daemon(std::shared_ptr<const config::configuration> configuration) {
    return daemon{std::move(configuration)}.run();
}

} // namespace snipass::server
