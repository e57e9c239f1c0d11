// SPDX-License-Identifier: BSL-1.0
// The process: signals, reloads, the service manager, and the workers.
#include "snipass/process/daemon.hpp"

#include "snipass/backends/upkeep.hpp"
#include "snipass/config/check.hpp"
#include "snipass/config/parse.hpp"
#include "snipass/os/signals.hpp"
#include "snipass/os/systemd.hpp"
#include "snipass/process/config_reader.hpp"
#include "snipass/process/control.hpp"
#include "snipass/process/listener_opener.hpp"
#include "snipass/process/operation.hpp"
#include "snipass/process/remarks.hpp"
#include "snipass/process/retired_configurations.hpp"
#include "snipass/process/sandbox.hpp"
#include "snipass/process/service_manager.hpp"
#include "snipass/process/stopping.hpp"
#include "snipass/process/worker_pool.hpp"
#include "snipass/telling/log.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace snipass::server {
namespace {

using namespace std::string_literals;

namespace asio = boost::asio;

using config::log_level;

unsigned worker_count(const config::server_settings& settings) {
    return settings.workers > 0 ? settings.workers : std::max(1U, std::thread::hardware_concurrency());
}

bool is_error(const config::diagnostic& one) {
    return one.level == config::severity::error;
}

constexpr int exit_failure = 1;
constexpr int exit_mistake = 2; // in the file

class daemon {
  public:
    daemon(std::string file, role& role, config_reader& reader)
        : file_(std::move(file)), role_(role), reader_(reader), opener_(os::take_listen_fds()),
          signals_(io_, SIGHUP, SIGTERM, SIGINT), manager_(io_), end_(io_),
          operation_(io_, book_, std::string{role.version}),
          control_(io_, operation_, book_, [this] { return ask_reload(); }), retired_(io_) {
        signals_.add(SIGUSR1);
        signals_.add(SIGWINCH);
    }
    ~daemon() { reader_.forget(); }
    daemon(const daemon&) = delete;
    daemon& operator=(const daemon&) = delete;

    int run();

  private:
    void read();
    void on_read(prepared read);
    void start(const config::parsed& parsed);
    void end_early(int status);
    void reload(config::parsed parsed);
    void not_reloaded(const std::string& why);
    void tell(log_level level, const std::string& remark);
    [[nodiscard]] opened_listeners open_listeners(const config::configuration& next, unsigned workers);
    void apply(opened_listeners opened);
    void applied_by_a_worker();
    void settle();
    [[nodiscard]] std::string summary() const;

    void await_signal();
    void on_signal(int number);
    bool ask_reload();
    void log_counters();

    void stop();

    std::string file_;
    role& role_;
    config_reader& reader_;
    std::shared_ptr<const config::configuration> configuration_; // once it was read
    config::server_settings started_with_;
    std::shared_ptr<terminator> terminator_; // of the file that was read last
    sandbox sandbox_;
    std::optional<log> log_; // its thread begins in the sandbox
    address_book book_;
    std::optional<upkeep> upkeep_;
    listener_opener opener_;
    asio::io_context io_{1};
    asio::signal_set signals_;
    service_manager manager_;
    stopping end_;
    operation operation_;
    control control_;
    reload_report report_;               // of the file that was read last
    std::optional<worker_pool> workers_; // once the listeners are open
    retired_configurations retired_;
    std::string cut_;             // what was told of limits that descriptors do not reach
    std::string status_;          // what the service manager shows
    bool reading_ = false;        // the file
    std::size_t applying_ = 0;    // answers that the workers owe
    bool reload_asked_ = false;   // meanwhile
    bool counters_asked_ = false; // before there were any
    bool stopping_ = false;
    int exit_status_ = 0;
};

int daemon::run() {
    await_signal();
    os::allow_signals();
    // Every worker answers: each is asked, and all answers to the question before are in.
    manager_.keep_alive([this] { return !workers_ || workers_->ask_pulse(); });
    read();
    io_.run();
    return exit_status_;
}

void daemon::read() {
    reading_ = true;
    control_.reload_begins();
    const auto done = [this](prepared read) {
        asio::post(io_, [this, got = std::move(read)]() mutable { on_read(std::move(got)); });
    };
    try {
        reader_.read(file_, configuration_, done);
    } catch (const std::system_error& problem) { // no thread
        if (!workers_)
            throw;
        done({{nullptr, {{config::severity::error, {}, "cannot be read now: "s + problem.what()}}}});
    }
}

void daemon::on_read(prepared read) {
    reading_ = false;
    if (stopping_)
        return;
    terminator_ = std::move(read.terminator);
    report_ = {.changes = std::move(read.changes)};
    workers_ ? reload(std::move(read.parsed)) : start(read.parsed);
}

void daemon::start(const config::parsed& parsed) {
    for (const auto& one : parsed.diagnostics)
        std::cerr << one.to_string(file_) << '\n';
    if (!parsed.value)
        return end_early(parsed.is_mistaken() ? exit_mistake : exit_failure);
    configuration_ = parsed.value;
    started_with_ = configuration_->server;
    reader_.join();
    sandbox_.close(*configuration_, role_.confine(*configuration_));
    if (sandbox_.hides_users())
        role_.hide_users();
    log_.emplace(configuration_->log);
    if (!sandbox_.tell(*log_))
        return end_early(exit_failure);
    if (const auto problem = prepare_log(*log_, *configuration_)) {
        log_->write(log_level::error, problem->to_string(file_));
        return end_early(exit_failure);
    }
    const auto workers = worker_count(configuration_->server);
    auto opened = open_listeners(*configuration_, workers);
    if (!opened.problems.empty())
        return end_early(exit_failure);
    {
        const os::all_signals_blocked blocked; // those of the process are this thread's
        upkeep_.emplace(book_, *log_);
        const std::size_t visitors =
            (configuration_->metrics ? http_door::most_visitors : 0) + control_.most_visitors();
        workers_.emplace(workers, book_, *log_, visitors, [this] { sandbox_.confine_worker(); });
    }
    apply(std::move(opened));
}

// end_early: nobody was served yet.
void daemon::end_early(int status) {
    stopping_ = true;
    exit_status_ = status;
    io_.stop();
}

opened_listeners daemon::open_listeners(const config::configuration& next, unsigned workers) {
    auto opened = opener_.open(next.listeners, workers);
    operation_.open(next, opened.problems);
    control_.open(next, opened.problems);
    for (const auto& problem : opened.problems)
        tell(log_level::error, problem);
    return opened;
}

// tell: whoever asked for the reload hears it, too.
void daemon::tell(log_level level, const std::string& remark) {
    log_->write(level, remark);
    report_.remarks.push_back(remark);
}

// reload: a file with a mistake in it, or a listener that cannot be opened, leaves everything as it was.
void daemon::reload(config::parsed parsed) {
    if (parsed.value || !parsed.was_read ||
        !parsed.denied.empty()) { // first: it may be why it cannot be read
        const auto beyond = sandbox_.problems(file_, parsed);
        parsed.diagnostics.insert(parsed.diagnostics.begin(), beyond.begin(), beyond.end());
    }
    for (const auto& one : parsed.diagnostics)
        tell(is_error(one) ? log_level::error : log_level::warn, one.to_string(file_));
    if (const auto first = std::ranges::find_if(parsed.diagnostics, is_error);
        first != parsed.diagnostics.end())
        return not_reloaded(first->to_string(file_));
    if (const auto problem = prepare_log(*log_, *parsed.value)) {
        tell(log_level::error, problem->to_string(file_));
        return not_reloaded(problem->to_string(file_));
    }
    auto opened = open_listeners(*parsed.value, workers_->size());
    if (!opened.problems.empty())
        return not_reloaded(opened.problems.front());
    for (const auto& remark :
         what_takes_a_restart(started_with_, configuration_->server, parsed.value->server))
        tell(log_level::warn, remark.to_string(file_));
    for (const auto& problem :
         listener_opener::change_modes(configuration_->listeners, parsed.value->listeners))
        tell(log_level::warn, problem);
    retired_.add(std::exchange(configuration_, std::move(parsed.value)));
    apply(std::move(opened));
}

// not_reloaded: the service manager shows it until a reload succeeds. To systemctl this reload was a success.
void daemon::not_reloaded(const std::string& why) {
    log_->write(log_level::error, "not reloaded: the configuration before goes on");
    operation_.not_reloaded(why);
    report_.is_good = false;
    report_.changes.clear();
    control_.reload_ends(report_);
    status_ = "NOT RELOADED, the configuration before goes on: " + why;
    settle();
}

// apply gives every worker the configuration and its new sockets.
void daemon::apply(opened_listeners opened) {
    log_->configure(configuration_->log);
    upkeep_->use(configuration_);
    opener_.keep(configuration_->listeners);
    for (const auto& line : opener_.unnamed())
        log_->write(log_level::warn, line);
    if (const auto missing = what_is_missing(*configuration_))
        log_->write(log_level::error, missing->to_string(file_));
    const auto cut = what_is_cut(*configuration_, workers_->descriptors());
    if (cut != std::exchange(cut_, cut) && !cut.empty())
        log_->write(log_level::warn, cut);
    for (const auto& [listener, address] : opened.bound_addresses) {
        log_->write(log_level::info, "listening", {{"listener", listener}, {"address", address}});
    }
    operation_.use(configuration_, *workers_, *log_, opened.bound_addresses);
    control_.use(configuration_, *workers_, *log_);
    status_ = "Serving " + summary();
    applying_ += workers_->size();
    workers_->apply(
        configuration_, std::move(opened.by_worker),
        [this] { asio::post(io_, [this] { applied_by_a_worker(); }); }, terminator_);
}

void daemon::applied_by_a_worker() {
    if (--applying_ > 0)
        return;
    log_->write(log_level::info, "serving", {{"configuration", configuration_->file}, {"what", summary()}});
    operation_.is_serving();
    control_.reload_ends(report_);
    settle();
}

// settle: all is in use that was asked for, and what was asked meanwhile is next. However often that was, it
// is one reload.
void daemon::settle() {
    if (stopping_)
        return;
    manager_.tell("READY=1\nSTATUS=" + status_);
    if (const auto problem = manager_.take_problem())
        log_->write(log_level::warn,
                    "the service manager cannot be told that the router is ready; with "
                    "Type=notify it will end it (NOTIFY_SOCKET)",
                    {{"why", problem.message()}});
    if (std::exchange(counters_asked_, false))
        log_counters();
    if (std::exchange(reload_asked_, false))
        on_signal(SIGHUP);
}

std::string daemon::summary() const {
    return config::contents(*configuration_);
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
    if (number == SIGUSR1) {
        workers_ ? log_counters() : void(counters_asked_ = true);
        return;
    }
    if (number == SIGWINCH) {
        if (log_)
            (void)log_->reopen();
        return;
    }
    if (number != SIGHUP)
        return workers_ ? stop() : end_early(0);
    reload_asked_ = reading_ || applying_ > 0;
    if (reload_asked_ || stopping_)
        return;
    manager_.tell(os::reloading_state());
    read();
}

// ask_reload: false, it stops.
bool daemon::ask_reload() {
    on_signal(SIGHUP);
    return !stopping_;
}

void daemon::log_counters() {
    const auto totals = workers_->totals();
    std::vector<log::field> fields;
    for (const auto& [name, value] : totals)
        fields.emplace_back(name, value);
    log_->write(log_level::info, "counters", fields);
}

void daemon::stop() {
    if (std::exchange(stopping_, true))
        return end_.finish(); // asked twice
    // First: it has memory, if nobody has.
    end_.begin(*workers_, *log_, configuration_->server.drain_timeout, [this] {
        if (role_.takes_nobody_new())
            manager_.fall_silent();
    });
    manager_.tell("STOPPING=1");
    operation_.is_stopping();
}

} // namespace

int run_daemon(const std::string& file, role& role) {
    config_reader reader{role};
    const int status = daemon{file, role, reader}.run();
    if (reader.is_reading())
        std::_Exit(status); // asked to end, it does not wait for a file
    return status;
}

} // namespace snipass::server
