// SPDX-License-Identifier: BSL-1.0
// worker_pool: the workers, each on a thread of its own.
#pragma once

#include "snipass/process/worker.hpp"
#include "snipass/telling/tally.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace snipass::server {

// worker_pool belongs to one thread, the daemon's. What it is given to be called back with is called on the
// workers' threads.
class worker_pool {
  public:
    // The workers' threads begin at once, each by calling `enter`. `kept`: descriptors that are for nobody's
    // clients.
    worker_pool(unsigned workers, address_book& book, log& target, std::size_t kept = 0,
                const std::function<void()>& enter = nullptr);
    ~worker_pool();
    worker_pool(const worker_pool&) = delete;
    worker_pool& operator=(const worker_pool&) = delete;

    [[nodiscard]] unsigned size() const noexcept { return descriptors_.workers; }
    [[nodiscard]] const descriptor_budget& descriptors() const noexcept { return descriptors_; }

    // apply gives each worker the configuration and its own of the new sockets. `applied` is called once for
    // each that uses them, size() times.
    void apply(const std::shared_ptr<const config::configuration>& configuration,
               std::vector<std::vector<listener_socket>> by_worker, const std::function<void()>& applied,
               const std::shared_ptr<terminator>& ends_tls = nullptr);

    // look asks each worker for its view. `seen` is called with each, by the workers' threads; not for one
    // that has no memory.
    void look(const std::function<void(worker_view)>& seen);

    // ask posts a job for each worker to its thread; `number` is which one it is. Of one that has no memory
    // there is no answer.
    void ask(const std::function<void(worker&, unsigned number)>& job);

    // at_rest calls `job`, on this thread, while no worker is within a turn of its loop, and returns then.
    // It calls nothing if one of them does not come to the end of its turn within `patience`. Each worker
    // calls enter(worker) before, on its own thread; what there is no memory for there is left undone. each
    // calls job(worker) for each, from within such a job.
    void at_rest(std::chrono::milliseconds patience, const std::function<void(worker&)>& enter,
                 const std::function<void()>& job);
    void each(const std::function<void(worker&)>& job);

    // each_stats calls tell(stats) for each worker, and for the process before. counted is what is counted of
    // each listener, backend and route, with [metrics].
    void each_stats(const std::function<void(const stats&)>& tell) const;
    [[nodiscard]] tally_totals counted() { return ledger_.totals(); }

    // add_counters tells the next process what was counted. begin_with comes before apply, with what the one
    // before has left, and how many clients; lose: so many of them are none of ours.
    void add_counters(upgrade::counters& next);
    void begin_with(const upgrade::state& before, std::uint64_t clients);
    void lose(std::uint64_t clients);

    // drain: nobody is accepted any more. `closed` is called once for each worker that has no listener left,
    // `drained` for each that has no session, either.
    void drain(std::function<void()> drained, std::function<void()> closed);

    // stop ends every worker, with its sessions.
    void stop();

    // ask_pulse asks each worker to answer; false, and nothing is asked, while one owes the last answer.
    bool ask_pulse();

    // in_flight is how many clients were accepted and have no outcome yet.
    [[nodiscard]] std::uint64_t in_flight() const;

    // totals are the counters of all workers together, by their names in the log.
    [[nodiscard]] std::vector<std::pair<std::string, std::uint64_t>> totals() const;

  private:
    struct worker_thread {
        worker_thread(const descriptor_budget& descriptors, address_book& book, log& target,
                      const std::function<void()>& enter)
            : worker(descriptors, book, target), thread([this, enter] { run(enter); }) {}
        ~worker_thread() { worker.stop(); } // and the thread is joined

        void run(const std::function<void()>& enter);

        server::worker worker;
        std::atomic<unsigned> pulse = 0; // the last question it has answered
        std::atomic<bool> ended = false;
        std::uint32_t turns = 0; // of its loop, at the guard's last look
        std::jthread thread;
    };

    void guard(const std::stop_token& stop);
    enum class activity {
        none,
        some,
        held, // a worker was
    };
    activity free_held();

    descriptor_budget descriptors_;
    std::function<void()> closed_;
    std::function<void()> drained_;
    ledger ledger_;
    stats before_; // of the process before
    std::list<worker_thread> workers_;
    unsigned pulse_ = 0; // the question that was asked last
    std::jthread guard_; // begins after the workers' threads, and ends before they are joined
};

} // namespace snipass::server
