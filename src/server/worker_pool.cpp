// The workers and their threads.
#include "snipass/server/worker_pool.hpp"

#include "snipass/os/limits.hpp"

#include <algorithm>

namespace snipass::server {
namespace {

// max_waiting keeps descriptors back: the process's own, and for those on their way to a backend a twentieth,
// and a few at least. What others take later, waiting clients give (worker::make_room).
std::size_t max_waiting(unsigned workers) {
    constexpr std::size_t of_each_loop = 2;
    const auto limit = os::raise_descriptor_limit();
    const auto own = os::open_descriptors() + of_each_loop * (workers + 1);
    const auto kept = own + std::max<std::size_t>(limit / 20, 16);
    return std::max<std::size_t>(limit > kept ? (limit - kept) / workers : 0, 1);
}

} // namespace

worker_pool::worker_pool(unsigned workers, address_book& book, log& target) {
    const auto most = max_waiting(workers);
    for (unsigned i = 0; i < workers; ++i)
        workers_.emplace_back(workers, most, book, target);
}

void worker_pool::apply(const std::shared_ptr<const config::configuration>& configuration,
                        std::vector<std::vector<listener_socket>> by_worker,
                        const std::function<void()>& applied) {
    auto sockets = by_worker.begin();
    for (auto& one : workers_) {
        auto mine = std::make_shared<std::vector<listener_socket>>(std::move(*sockets++));
        one.worker.post([&one, mine, configuration, applied] {
            one.worker.apply(configuration, std::move(*mine));
            applied();
        });
    }
}

void worker_pool::drain(const std::function<void()>& drained) {
    for (auto& one : workers_)
        one.worker.post([&one, drained] { one.worker.drain(drained); });
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
    for (const auto& one : workers_)
        for (const auto& outcome : one.worker.counters().outcomes)
            ended += outcome.value();
    for (const auto& one : workers_)
        accepted += one.worker.counters().accepted.value();
    return accepted > ended ? accepted - ended : 0;
}

std::vector<std::pair<std::string, std::uint64_t>> worker_pool::totals() const {
    std::vector<std::pair<std::string, std::uint64_t>> totals{
        {"accepted", 0}, {"accept_paused", 0}, {"handoffs_refused", 0}};
    for (std::size_t i = 0; i < outcome_count; ++i)
        totals.emplace_back(to_string(static_cast<outcome>(i)), 0);
    for (std::size_t i = 0; i < match_count; ++i)
        totals.emplace_back("match_" + std::string{config::to_string(static_cast<config::match_kind>(i))}, 0);
    for (const auto& one : workers_) {
        const auto& counters = one.worker.counters();
        auto at = totals.begin();
        at++->second += counters.accepted.value();
        at++->second += counters.accept_paused.value();
        at++->second += counters.handoffs_refused.value();
        for (const auto& counter : counters.outcomes)
            at++->second += counter.value();
        for (const auto& counter : counters.matches)
            at++->second += counter.value();
    }
    return totals;
}

} // namespace snipass::server
