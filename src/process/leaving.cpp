// SPDX-License-Identifier: BSL-1.0
// From what the workers have to one descriptor in the service manager's hands.
#include "snipass/process/leaving.hpp"

#include "snipass/os/descriptor_queue.hpp"
#include "snipass/os/error.hpp"
#include "snipass/os/systemd.hpp"
#include "snipass/upgrade/form.hpp"

#include <algorithm>
#include <new>
#include <utility>

namespace snipass::server {
namespace {

using namespace std::chrono_literals;
using config::log_level;

// A turn of a worker's loop takes milliseconds. One that is held for longer cannot be waited for.
constexpr auto longest_turn = 500ms;

// Who is taken back is there by the next turn. Who has had its answer may take so long to read it; nobody is
// accepted meanwhile. On a machine that is busy the time is over before there was a turn, so these count,
// too: between two times of rest each worker has had one.
constexpr auto patience = 200ms;
constexpr unsigned least_turns = 10;
constexpr auto pause = 2ms;

} // namespace

void leaving::begin(worker_pool& workers, const address_book& book, service_manager& manager, log& to,
                    std::vector<upgrade::drain> drained, std::function<void(bool)> done) {
    if (!os::stores_descriptors())
        return done(false);
    workers_ = &workers;
    book_ = &book;
    manager_ = &manager;
    log_ = &to;
    done_ = std::move(done);
    latest_ = std::chrono::steady_clock::now() + patience;
    turns_ = 0;
    state_.drained = std::move(drained);
    try {
        workers.ask([](worker& one, unsigned) { one.begin_to_leave(); });
        try_to_move();
    } catch (const std::bad_alloc&) {
        end(os::make_error(ENOMEM));
    }
}

void leaving::try_to_move() {
    auto problem = os::make_error(ETIMEDOUT);
    bool is_early = false;
    const auto describe = [](worker& one) {
        one.forget_description();
        if (one.is_ready())
            one.describe();
    };
    workers_->at_rest(longest_turn, describe, [&] {
        bool is_ready = true;
        workers_->each([&is_ready](worker& one) { is_ready = is_ready && one.is_ready(); });
        is_early = !is_ready && (++turns_ <= least_turns || std::chrono::steady_clock::now() < latest_);
        problem = is_early ? error_code{} : move();
    });
    if (!is_early)
        return end(problem);
    timer_.expires_after(pause);
    timer_.async_wait([this](const boost::system::error_code& ec) {
        if (ec)
            return;
        try {
            try_to_move();
        } catch (const std::bad_alloc&) {
            end(os::make_error(ENOMEM));
        }
    });
}

// move is for workers that stand still.
error_code leaving::move() {
    workers_->each([this](worker& one) {
        if (!one.description().is_whole)
            one.describe();
        const auto& its = one.description();
        relayed_ += its.count;
        clients_.insert(clients_.end(), its.descriptors.begin(), its.descriptors.end());
        one.add_listeners(state_, listeners_);
    });
    workers_->each([this](worker& one) { one.add_waiting(state_, clients_); });
    workers_->add_counters(state_.counters);
    book_->add_to(state_);
    if (const auto ec = store())
        return ec;
    workers_->each([](worker& one) { one.let_go(); });
    return {};
}

error_code leaving::store() {
    const auto around = upgrade::write_around(state_, relayed_);
    std::vector<byte_view> parts{around.head};
    workers_->each([&parts](worker& one) { parts.emplace_back(one.description().relays); });
    parts.emplace_back(around.tail);
    const auto file = os::memory_file(state_name.data(), parts);
    if (!file)
        return file.error();
    const int first[] = {file->get()};
    const auto queue = os::queue_descriptors({first, listeners_, clients_});
    return queue ? manager_->store(state_name, queue->get()) : queue.error();
}

void leaving::end(const error_code& problem) {
    if (problem) {
        workers_->ask([](worker& one, unsigned) { one.come_back(); });
        log_->write(log_level::warn,
                    "nothing is left to the next process: clients are served until drain_timeout",
                    {{"why", problem.message()}});
    } else {
        log_->write(log_level::info, "left to the next process",
                    {{"relayed", std::uint64_t{relayed_}},
                     {"waiting", std::uint64_t{state_.waiting.size()}},
                     {"listeners", std::uint64_t{state_.listeners.size()}}});
    }
    std::exchange(done_, nullptr)(!problem);
}

} // namespace snipass::server
