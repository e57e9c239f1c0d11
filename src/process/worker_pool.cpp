// SPDX-License-Identifier: BSL-1.0
// The workers and their threads.
#include "snipass/process/worker_pool.hpp"

#include "snipass/os/limits.hpp"
#include "snipass/os/signals.hpp"
#include "snipass/telling/moved_counters.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <new>
#include <utility>

namespace snipass::server {
namespace {

// How often the guard looks at the workers: less often while nothing happens, and more often for a while when
// one was held.
constexpr std::chrono::milliseconds look_interval{50};
constexpr std::chrono::milliseconds idle_interval{400};
constexpr std::chrono::milliseconds quick_interval{1};
constexpr unsigned quick_looks = 1'000;

} // namespace

worker_pool::worker_pool(unsigned workers, address_book& book, log& target, std::size_t kept,
                         const std::function<void()>& enter)
    : descriptors_(divide_descriptors(os::raise_descriptor_limit(), os::open_descriptors() + kept, workers)) {
    for (unsigned i = 0; i < workers; ++i)
        workers_.emplace_back(descriptors_, book, target, enter);
    guard_ = std::jthread{[this](const std::stop_token& stop) { guard(stop); }};
}

// What the workers close at their end may hold them, too: the guard goes on until all have ended.
worker_pool::~worker_pool() {
    stop();
    for (auto& one : workers_)
        one.ended.wait(false);
}

void worker_pool::worker_thread::run(const std::function<void()>& enter) {
    if (enter)
        enter();
    os::allow_interruptions();
    worker.run();
    ended = true;
    ended.notify_one();
}

// guard frees workers that a close(2) holds. A client's socket is shared with whoever it was offered to, and
// so are its options: with SO_LINGER set there, and bytes that the client does not read, the last close waits
// for as long as it says, O_NONBLOCK or not. A signal ends the wait, and not the sending. To switch the
// option off before each close would be a call more for every client, and a backend could set it again in
// between. Whoever does it once does it again: without the quick looks twenty such clients a second would be
// enough. The thread is its own because the daemon's is busy while it loads a large file.
void worker_pool::guard(const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any woken;
    std::unique_lock lock{mutex};
    unsigned quick = 0;
    auto pause = look_interval;
    while (!stop.stop_requested()) {
        const auto look_at = std::chrono::steady_clock::now() + (quick > 0 ? quick_interval : pause);
        (void)woken.wait_until(lock, stop, look_at, [] { return false; }); // a stop does not wait for it
        const auto seen = free_held();
        if (quick > 0)
            --quick;
        else if (seen == activity::held)
            quick = quick_looks;
        pause = seen == activity::none ? std::min(2 * pause, idle_interval) : look_interval;
    }
}

// free_held: a worker in the same turn as at the last look is held, or works for long; then the signal is
// nothing to it.
worker_pool::activity worker_pool::free_held() {
    auto seen = activity::none;
    for (auto& one : workers_) {
        const auto turns = one.worker.turns();
        const bool works = turns % 2 != 0;
        if (works && turns == one.turns) {
            os::interrupt(one.thread.native_handle());
            seen = activity::held;
        } else if (turns != one.turns && seen == activity::none) {
            seen = activity::some;
        }
        one.turns = turns;
    }
    return seen;
}

void worker_pool::apply(const std::shared_ptr<const config::configuration>& configuration,
                        std::vector<std::vector<listener_socket>> by_worker,
                        const std::function<void()>& applied, const std::shared_ptr<terminator>& ends_tls) {
    auto sockets = by_worker.begin();
    const auto tallies = ledger_.begin(*configuration, size());
    auto tally = tallies.begin();
    for (auto& one : workers_) {
        auto mine = std::make_shared<std::vector<listener_socket>>(std::move(*sockets++));
        one.worker.post([&one, mine, configuration, ends_tls, applied, counts = *tally++] {
            one.worker.apply(configuration, std::move(*mine), ends_tls, counts);
            applied();
        });
    }
}

void worker_pool::look(const std::function<void(worker_view)>& seen) {
    ask([seen](worker& one, unsigned) { seen(one.look()); });
}

void worker_pool::ask(const std::function<void(worker&, unsigned)>& job) {
    unsigned number = 0;
    for (auto& one : workers_)
        one.worker.post([&one, job, mine = number++] {
            try {
                job(one.worker, mine);
            } catch (const std::bad_alloc&) { // clients have all of it: there is no answer
            }
        });
}

namespace {

// meeting is where workers wait for each other, and for what is done meanwhile. Who comes late finds it over.
class meeting {
  public:
    void wait() {
        std::unique_lock lock{mutex_};
        ++here_;
        changed_.notify_all();
        changed_.wait(lock, [this] { return is_over_; });
    }
    [[nodiscard]] bool is_complete(std::size_t all, std::chrono::milliseconds patience) {
        std::unique_lock lock{mutex_};
        return changed_.wait_for(lock, patience, [this, all] { return here_ == all; });
    }
    void end() {
        const std::lock_guard lock{mutex_};
        is_over_ = true;
        changed_.notify_all();
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::size_t here_ = 0;
    bool is_over_ = false;
};

// What ends with it is over, whatever is thrown.
class ended_meeting {
  public:
    explicit ended_meeting(meeting& one) noexcept : one_(one) {}
    ~ended_meeting() { one_.end(); }
    ended_meeting(const ended_meeting&) = delete;
    ended_meeting& operator=(const ended_meeting&) = delete;

  private:
    meeting& one_;
};

} // namespace

void worker_pool::at_rest(std::chrono::milliseconds patience, const std::function<void(worker&)>& enter,
                          const std::function<void()>& job) {
    const auto here = std::make_shared<meeting>();
    const ended_meeting ended{*here};
    for (auto& one : workers_)
        one.worker.post([&one, here, enter] {
            try {
                enter(one.worker);
            } catch (const std::bad_alloc&) {
            }
            here->wait();
        });
    if (here->is_complete(workers_.size(), patience))
        job();
}

void worker_pool::each(const std::function<void(worker&)>& job) {
    for (auto& one : workers_)
        job(one.worker);
}

void worker_pool::each_stats(const std::function<void(const stats&)>& tell) const {
    for (const auto& one : workers_)
        tell(one.worker.counters());
    tell(before_);
}

// Nothing here takes memory, of which there may be none.
void worker_pool::drain(std::function<void()> drained, std::function<void()> closed) {
    closed_ = std::move(closed);
    drained_ = std::move(drained);
    for (auto& one : workers_)
        one.worker.post([this, &one] { one.worker.drain(drained_, closed_); });
}

void worker_pool::stop() {
    for (auto& one : workers_)
        one.worker.stop();
}

bool worker_pool::ask_pulse() {
    if (std::ranges::any_of(workers_, [this](const auto& one) { return one.pulse != pulse_; }))
        return false;
    ++pulse_;
    for (auto& one : workers_)
        one.worker.post([&one, question = pulse_] { one.pulse = question; });
    return true;
}

// The workers go on counting meanwhile: what has ended is read first, so that it is never more than was
// accepted.
std::uint64_t worker_pool::in_flight() const {
    std::uint64_t ended = 0;
    std::uint64_t accepted = 0;
    each_stats([&](const stats& one) {
        for (const auto& outcome : one.outcomes)
            ended += outcome.value();
    });
    each_stats([&](const stats& one) { ended += one.left.value(); });
    each_stats([&](const stats& one) { accepted += one.accepted.value(); });
    return accepted > ended ? accepted - ended : 0;
}

std::vector<std::pair<std::string, std::uint64_t>> worker_pool::totals() const {
    std::vector<std::pair<std::string, std::uint64_t>> totals;
    each_stats([&](const stats& of) {
        std::size_t at = 0;
        of.for_each([&](auto name, std::uint64_t value) {
            if (at == totals.size())
                totals.emplace_back(std::move(name), 0);
            totals[at++].second += value;
        });
    });
    return totals;
}

void worker_pool::add_counters(upgrade::counters& next) {
    each_stats([&](const stats& one) { add_to(next.of_all, one); });
    ledger_.add_to(next);
}

void worker_pool::begin_with(const upgrade::state& before, std::uint64_t clients) {
    go_on_counting(before_, before.counters.of_all, clients);
    ledger_.begin_with(before.counters);
}

void worker_pool::lose(std::uint64_t clients) {
    before_.accepted.add(clients);
    before_.left.add(clients);
}

} // namespace snipass::server
