// SPDX-License-Identifier: BSL-1.0
// The process: signals, and the end.
#include "snipass/process/daemon.hpp"

#include "daemon_object.hpp"

#include "snipass/os/signals.hpp"
#include "snipass/os/systemd.hpp"
#include "snipass/upgrade/form.hpp"

#include <boost/asio/post.hpp>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <new>
#include <utility>
#include <vector>

namespace snipass::server {

using config::log_level;

namespace {

// Of a router that has left its clients to the next: those who have their answer may read it still. Nobody is
// accepted meanwhile.
constexpr std::chrono::milliseconds time_to_read{100};

} // namespace

daemon::daemon(std::string file, role& role, config_reader& reader)
    : file_(std::move(file)), role_(role), reader_(reader), passed_(os::take_listen_fds()), heir_(passed_),
      opener_(std::move(passed_)), signals_(io_, SIGHUP, SIGTERM, SIGINT), manager_(io_), end_(io_),
      leaving_(io_), operation_(io_, book_, std::string{role.version}),
      control_(
          io_, operation_, book_, [this] { return ask_reload(); },
          [this](const std::string& reads) {
              return ask_upgrade(static_cast<unsigned>(std::strtoul(reads.c_str(), nullptr, 10)));
          }),
      retired_(io_) {
    signals_.add(SIGUSR1);
    signals_.add(SIGUSR2);
    signals_.add(SIGWINCH);
}

int daemon::run() {
    await_signal();
    os::allow_signals();
    // Every worker answers: each is asked, and all answers to the question before are in.
    manager_.keep_alive([this] { return !workers_ || workers_->ask_pulse(); });
    read();
    try {
        io_.run();
    } catch (const std::bad_alloc&) {
        if (!stopping_)
            throw;
        end_.finish(); // clients have all of it: who was served is cut, and it is a stop all the same
    }
    return exit_status_;
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
    if (number == SIGUSR2) {
        const auto why = ask_upgrade(upgrade::newest_version);
        if (log_ && !why.empty())
            log_->write(log_level::warn, "not upgraded", {{"why", why}});
        else if (log_)
            log_->write(log_level::info,
                        "upgrading at SIGUSR2: whether the program that is installed now, and its "
                        "file, are good was not asked, since this process may start none; "
                        "snipass upgrade asks first");
        return;
    }
    if (number != SIGHUP)
        return workers_ ? stop(number) : end_early(0);
    reload_asked_ = reading_ || applying_ > 0;
    if (reload_asked_ || stopping_)
        return;
    manager_.tell(os::reloading_state());
    read();
}

// ask_upgrade: it ends as at SIGTERM, when this was answered, and the service manager begins it anew. Empty:
// so it is.
std::string daemon::ask_upgrade(unsigned reads) {
    if (!workers_ || stopping_)
        return "it begins, or stops";
    if (terminator_ || !os::stores_descriptors())
        return "nobody keeps its clients until the next process goes on with them: that takes "
               "FileDescriptorStoreMax= in its unit (docs/upgrade.md)";
    if (reads < upgrade::newest_version)
        return "the program that asks is older than the router that runs, and cannot go on with its clients";
    boost::asio::post(io_, [this] { stop(SIGTERM); });
    return {};
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

// stop: SIGTERM leaves the clients to the next process, where there may be one; SIGINT drains.
void daemon::stop(int signal) {
    if (std::exchange(stopping_, true))
        return end_.finish(); // asked twice
    const auto drain = [this](bool all_have_left) {
        // First: it has memory, if nobody has.
        end_.begin(*workers_, *log_, all_have_left ? time_to_read : configuration_->server.drain_timeout,
                   [this] {
                       operation_.leave();
                       if (role_.takes_nobody_new())
                           manager_.fall_silent();
                   });
        manager_.tell("STOPPING=1");
        operation_.is_stopping();
    };
    if (terminator_ || signal != SIGTERM)
        return drain(false);
    leaving_.begin(*workers_, book_, manager_, *log_, control_.drained(), drain);
}

int run_daemon(const std::string& file, role& role) {
    config_reader reader{role};
    const int status = daemon{file, role, reader}.run();
    if (reader.is_reading())
        std::_Exit(status); // asked to end, it does not wait for a file
    return status;
}

} // namespace snipass::server
