// SPDX-License-Identifier: BSL-1.0
// operation: what an admin is told: gathers it, and has the door of [metrics].
#pragma once

#include "snipass/backends/address_book.hpp"
#include "snipass/backends/target_list.hpp"
#include "snipass/config/configuration.hpp"
#include "snipass/operating/history.hpp"
#include "snipass/operating/http_door.hpp"
#include "snipass/operating/status.hpp"
#include "snipass/process/certificate_watch.hpp"
#include "snipass/process/listener_opener.hpp"
#include "snipass/process/worker_pool.hpp"
#include "snipass/telling/log.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace snipass::server {

// operation belongs to the thread that runs `io`. No worker waits for it: what they count is read as it is,
// and what only they know they tell when they get to it, at most once at a time.
class operation {
  public:
    // `version` is as `--version` prints it: lines, the first one with the number.
    operation(boost::asio::io_context& io, address_book& book, std::string version);

    // open makes the sockets that `next` has new; see http_door::open.
    void open(const config::configuration& next, std::vector<std::string>& problems);

    // use: `configuration` is in use from now on, and what open() made for it. All outlive this object's
    // last answer.
    void use(std::shared_ptr<const config::configuration> configuration, worker_pool& workers, log& log,
             const std::vector<opened_listeners::bound>& bound);

    // serves: these certificates, from use() on; none: it is the router.
    void serves(std::optional<std::vector<certificate_state>> certificates) {
        certificates_.serves(std::move(certificates));
    }

    // leave: whoever begins now, while this process serves to their end whom it has, is asked in its place.
    // The router's own addresses stay.
    void leave();

    // What the process is doing.
    void is_serving() { is_ready_ = true; }
    void not_reloaded(const std::string& why);
    void is_stopping() { is_stopping_ = true; }

    // gather is everything that is known now.
    [[nodiscard]] boost::asio::awaitable<status> gather();
    [[nodiscard]] const history& past() const noexcept { return history_; } // with [metrics]

  private:
    // backend_view is what there is to look at of a backend without asking a worker.
    struct backend_view {
        target_list targets;
        std::shared_ptr<presence> known;
    };

    [[nodiscard]] boost::asio::awaitable<http_answer> answer(http_question question);
    [[nodiscard]] boost::asio::awaitable<void> look();
    void seen(worker_view view, std::chrono::steady_clock::time_point asked);
    void sample();
    [[nodiscard]] outcome_totals outcomes() const;
    void add_process(status& to) const;
    void add_counters(status& to) const;
    void add_listeners(status& to, const tally_totals& counted) const;
    void add_backends(status& to, const tally_totals& counted);
    void add_views(status& to) const;

    boost::asio::io_context& io_;
    address_book& book_;
    const std::string version_;
    const wall_time started_;
    http_door doors_;
    std::shared_ptr<const config::configuration> configuration_;
    worker_pool* workers_ = nullptr;
    const log* log_ = nullptr;
    std::map<std::string, std::string> bound_; // of listeners, as written
    std::vector<backend_view> backends_;
    reload_status reload_;
    certificate_watch certificates_;
    bool is_ready_ = false;
    bool is_stopping_ = false;
    history history_;
    boost::asio::steady_timer next_sample_;
    bool is_sampling_ = false;
    boost::asio::steady_timer answered_;
    std::size_t owed_ = 0; // views that workers owe
    std::chrono::steady_clock::time_point asked_{};
    std::vector<worker_view> coming_;
    std::vector<worker_view> views_;
};

} // namespace snipass::server
