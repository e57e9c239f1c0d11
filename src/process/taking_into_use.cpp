// SPDX-License-Identifier: BSL-1.0
// A file is read and taken into use, at the start and at each reload.
#include "daemon_object.hpp"

#include "snipass/config/check.hpp"
#include "snipass/os/signals.hpp"
#include "snipass/process/remarks.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <csignal>
#include <iostream>
#include <new>
#include <system_error>
#include <thread>
#include <utility>

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

// make_sure_of_memory: bad_alloc comes here, and not where half of the workers have the new file. What is
// freed again is there for what follows; nobody writes to it, so it costs no memory.
void make_sure_of_memory(const config::configuration& next, std::size_t workers) {
    constexpr std::size_t of_all = 1U << 20;
    constexpr std::size_t of_a_backend = 2'048; // and worker
    constexpr std::size_t of_a_route = 64;
    const auto parts = (next.backends.size() + next.listeners.size()) * of_a_backend;
    void* volatile const room = // or the compiler leaves it out
        ::operator new(of_all + (workers + 1) * (parts + next.routes.size() * of_a_route));
    ::operator delete(room);
}

constexpr int exit_failure = 1;
constexpr int exit_mistake = 2; // in the file

} // namespace

void daemon::read() {
    reading_ = true;
    control_.reload_begins();
    const auto done = [this] { asio::post(io_, [this] { on_read(reader_.take()); }); };
    const auto fail = [this](const std::exception& problem) {
        if (!workers_)
            throw;
        reading_ = false;
        not_reloaded(file_ + ": error: cannot be read now: " + problem.what());
    };
    try {
        reader_.read(file_, configuration_, done);
    } catch (const std::system_error& problem) { // no thread
        fail(problem);
    } catch (const std::bad_alloc& problem) {
        fail(problem);
    }
}

void daemon::on_read(prepared read) {
    reading_ = false;
    if (stopping_)
        return;
    terminator_ = std::move(read.terminator);
    certificates_ = std::move(read.certificates);
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
    heir_.read(*log_, opener_);
    book_.begin_with(heir_.known(), *configuration_);
    for (const auto& one : heir_.known().drained)
        control_.drain(*configuration_, one);
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
    workers_->begin_with(heir_.known(), heir_.clients());
    apply(std::move(opened));
    heir_.divide(*workers_, manager_, *log_);
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

// reload: a file with a mistake in it, or a listener that cannot be opened, leaves everything as it was, and
// so does one for which there is no memory.
void daemon::reload(config::parsed parsed) {
    std::optional<opened_listeners> opened;
    try {
        opened = open_for(parsed);
    } catch (const std::bad_alloc&) {
        parsed = {}; // of which it takes most
        return not_reloaded(file_ + ": error: cannot be taken into use: no memory");
    }
    if (!opened)
        return;
    retired_.add(std::exchange(configuration_, std::move(parsed.value)));
    book_.forget_before();
    apply(std::move(*opened));
}

// open_for is all that may fail. None: it has, and that is told.
std::optional<opened_listeners> daemon::open_for(config::parsed& parsed) {
    if (parsed.value || !parsed.was_read ||
        !parsed.denied.empty()) { // first: it may be why it cannot be read
        const auto beyond = sandbox_.problems(file_, parsed);
        parsed.diagnostics.insert(parsed.diagnostics.begin(), beyond.begin(), beyond.end());
    }
    for (const auto& one : parsed.diagnostics)
        tell(is_error(one) ? log_level::error : log_level::warn, one.to_string(file_));
    const auto refuse = [this](const std::string& why) {
        not_reloaded(why);
        return std::nullopt;
    };
    if (const auto first = std::ranges::find_if(parsed.diagnostics, is_error);
        first != parsed.diagnostics.end())
        return refuse(first->to_string(file_));
    if (const auto problem = prepare_log(*log_, *parsed.value)) {
        tell(log_level::error, problem->to_string(file_));
        return refuse(problem->to_string(file_));
    }
    auto opened = open_listeners(*parsed.value, workers_->size());
    if (!opened.problems.empty())
        return refuse(opened.problems.front());
    for (const auto& remark :
         what_takes_a_restart(started_with_, configuration_->server, parsed.value->server))
        tell(log_level::warn, remark.to_string(file_));
    for (const auto& problem :
         listener_opener::change_modes(configuration_->listeners, parsed.value->listeners))
        tell(log_level::warn, problem);
    make_sure_of_memory(*parsed.value, workers_->size());
    return opened;
}

// not_reloaded: the service manager shows it until a reload succeeds. To systemctl this reload was a success.
void daemon::not_reloaded(const std::string& why) {
    log_->write(log_level::error, "not reloaded: the configuration before goes on");
    log_->forget_prepared();
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
    operation_.serves(std::move(certificates_));
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
    manager_.is_ready(status_);
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

} // namespace snipass::server
