// SPDX-License-Identifier: BSL-1.0
// Reads the configuration's file on a thread of its own.
#include "snipass/process/config_reader.hpp"

#include "snipass/config/changes.hpp"
#include "snipass/os/signals.hpp"

#include <exception>
#include <mutex>
#include <new>
#include <utility>

namespace snipass::server {

struct config_reader::state {
    std::mutex mutex;
    std::function<void(prepared)> done;
    bool is_reading = true;
};

namespace {

prepared load(role& role, const std::string& file, const config::configuration* before) {
    try {
        auto made = role.prepare(file);
        if (before != nullptr && made.parsed.value)
            made.changes = config::changes(*before, *made.parsed.value);
        return made;
    } catch (const std::bad_alloc&) {
        return {{nullptr, {{config::severity::error, {}, "cannot be read: no memory", true}}}};
    } catch (const std::exception& problem) { // a bug
        return {{nullptr, {{config::severity::error, {}, problem.what()}}}};
    }
}

} // namespace

config_reader::~config_reader() {
    forget();
    if (is_reading())
        thread_.detach();
    else
        join();
}

void config_reader::read(std::string file, std::shared_ptr<const config::configuration> before,
                         std::function<void(prepared)> done) {
    join();
    state_ = std::make_shared<state>();
    state_->done = std::move(done);
    const os::all_signals_blocked blocked; // they are for the thread that asked
    try {
        thread_ =
            std::thread{[&role = role_, file = std::move(file), old = std::move(before), mine = state_] {
                auto parsed = load(role, file, old.get());
                const std::lock_guard lock{mine->mutex};
                mine->is_reading = false;
                if (const auto tell = std::exchange(mine->done, nullptr))
                    tell(std::move(parsed));
            }};
    } catch (...) { // nobody reads
        state_.reset();
        throw;
    }
}

void config_reader::join() {
    if (thread_.joinable())
        thread_.join();
}

void config_reader::forget() {
    if (!state_)
        return;
    const std::lock_guard lock{state_->mutex};
    state_->done = nullptr;
}

bool config_reader::is_reading() const {
    if (!state_)
        return false;
    const std::lock_guard lock{state_->mutex};
    return state_->is_reading;
}

} // namespace snipass::server
