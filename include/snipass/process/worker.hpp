// SPDX-License-Identifier: BSL-1.0
// worker: one thread: its listeners, its sessions, its share of every bound.
#pragma once

#include "snipass/context/context.hpp"
#include "snipass/process/descriptor_budget.hpp"
#include "snipass/process/listener.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace snipass::server {

// worker_view is what only the worker's own thread can tell of it.
struct worker_view {
    std::size_t waiting = 0; // clients that are not routed yet, or read why they are refused
    std::size_t relayed = 0;
    std::vector<failure> failures{};
};

// worker shares with the others the configuration, the log, the address book and the listening sockets. The
// daemon's calls come in through post(); everything else runs on the worker's own thread.
class worker {
  public:
    // descriptors: what each worker may have of them, and how many there are to share the bounds.
    worker(const descriptor_budget& descriptors, address_book& book, log& target);

    ~worker();
    worker(const worker&) = delete;
    worker& operator=(const worker&) = delete;

    // run is the thread's body; it returns after stop(), and cuts off what is in flight then.
    void run();

    // For other threads. post runs `job` on the worker's thread; stop ends run().
    void post(std::function<void()> job);
    void stop();
    [[nodiscard]] const stats& counters() const noexcept { return thread_.counters; }
    [[nodiscard]] std::uint32_t turns() const noexcept { return thread_.loop.turns(); }

    // apply takes a new configuration: listeners that it no longer names are stopped, `opened` are started,
    // all others go on with their new settings.
    // `ends_tls`: null in the router. `counts`: null without [metrics].
    void apply(std::shared_ptr<const config::configuration> configuration,
               std::vector<listener_socket> opened, std::shared_ptr<terminator> ends_tls = nullptr,
               std::shared_ptr<tally> counts = nullptr);

    [[nodiscard]] worker_view look() const;

    // drain stops all listeners, calls `closed` when the last of them is closed, and `done` when the last
    // session has ended, too. Those whose hello is not complete have a second for the rest of it.
    void drain(std::function<void()> done, std::function<void()> closed = nullptr);

    // begin_to_leave: nobody is accepted any more, and who waits, is held, or is on its way to a backend is
    // made ready for the next process. come_back: it goes on here.
    void begin_to_leave();
    void come_back();

    // is_ready: nobody is left who could still be made ready to leave.
    [[nodiscard]] bool is_ready() const noexcept {
        return relays_are_prepared_ && thread_.clients.size() == thread_.relays.size();
    }

    // described is what another process needs to go on with this worker's relays, in the state's form, and
    // copies of their descriptors' numbers. It is true until the loop's next turn.
    struct described {
        std::vector<std::uint8_t> relays{};
        std::vector<int> descriptors{};
        std::size_t count = 0;
        bool is_whole = false;
    };
    void describe();
    void forget_description() { described_ = {}; }
    [[nodiscard]] const described& description() const noexcept { return described_; }

    // For whoever has the workers stand still (worker_pool::at_rest). add_to adds the listeners of our own,
    // each once, and who was made ready. let_go: all goes on in another process, and is gone here.
    void add_listeners(upgrade::state& state, std::vector<int>& listeners) const;
    void add_waiting(upgrade::state& state, std::vector<int>& clients) const;
    void let_go();

    // go_on_with begins again with a client that another process had. lose: one of them is none of ours.
    void go_on_with(moved_client one);
    void lose(std::string_view why);

    // thread is what this worker's sessions have.
    [[nodiscard]] context& thread() noexcept { return thread_; }

  private:
    void prepare_relays();
    void limit_relays(const config::server_settings& server);
    void limit_termination(const config::configuration& configuration);
    void start_listener(listener_socket socket);
    net::task<> run_listener(listener& one);
    void check_closed();
    void check_drained();
    net::task<> end_waiting();
    void close_waiting();
    void end_all() noexcept;

    descriptor_budget descriptors_;
    context thread_;
    std::list<listener> listeners_;
    bool relays_are_prepared_ = false;
    described described_;
    std::function<void()> closed_;
    std::function<void()> drained_;
};

} // namespace snipass::server
