// SPDX-License-Identifier: BSL-1.0
// Reads the configuration's file on a thread of its own.
#include "snipass/process/config_reader.hpp"

#include "snipass/config/changes.hpp"
#include "snipass/os/signals.hpp"

#include <chrono>
#include <exception>
#include <mutex>
#include <new>
#include <optional>
#include <utility>

namespace snipass::server {

struct config_reader::state {
    std::mutex mutex;
    std::function<void()> done;
    std::optional<prepared> made;
    bool is_reading = true;
};

namespace {

constexpr std::chrono::milliseconds rest_time{100};

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

// has_told: false, there is no memory for it now. What nobody waits for any more is told.
template <class State>
bool has_told(State& all) {
    const std::lock_guard lock{all.mutex};
    try {
        if (all.done)
            all.done();
    } catch (const std::bad_alloc&) {
        return false;
    }
    all.done = nullptr;
    return true;
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
                         std::function<void()> done) {
    join();
    state_ = std::make_shared<state>();
    state_->done = std::move(done);
    const os::all_signals_blocked blocked; // they are for the thread that asked
    try {
        thread_ =
            std::thread{[&role = role_, file = std::move(file), old = std::move(before), mine = state_] {
                auto made = load(role, file, old.get());
                {
                    const std::lock_guard lock{mine->mutex};
                    mine->made.emplace(std::move(made));
                    mine->is_reading = false;
                }
                while (!has_told(*mine))
                    std::this_thread::sleep_for(rest_time);
            }};
    } catch (...) { // nobody reads
        state_.reset();
        throw;
    }
}

prepared config_reader::take() {
    const std::lock_guard lock{state_->mutex};
    auto made = std::move(*state_->made);
    state_->made.reset();
    return made;
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
