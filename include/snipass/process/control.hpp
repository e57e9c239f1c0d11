// SPDX-License-Identifier: BSL-1.0
// control: what `snipass status` and the like ask of the router that runs, by a unix socket.
#pragma once

#include "snipass/operating/http_door.hpp"
#include "snipass/operating/session_list.hpp"
#include "snipass/process/drains.hpp"
#include "snipass/process/operation.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace snipass::server {

// reload_report is what became of a reload, for whoever asked for it.
struct reload_report {
    bool is_good = true;
    std::vector<std::string> remarks{}; // mistakes and warnings, each with its place in the file
    std::vector<std::string> changes{}; // config::changes
};

// control belongs to the thread that runs `io`. What it asks of a worker that one answers when it gets to it;
// what it changes is a switch that all workers look at.
class control {
  public:
    // ask_reload: a reload is to begin, now or after the one that is under way; false: there is none any
    // more. ask_upgrade: the next process is to begin, which reads states up to a version; why it is not.
    control(boost::asio::io_context& io, operation& known, address_book& book,
            std::function<bool()> ask_reload, std::function<std::string(const std::string&)> ask_upgrade);

    // open makes the socket that `next` has new. A problem with the default one is none of the file's.
    void open(const config::configuration& next, std::vector<std::string>& problems);

    // most_visitors is how many connections it has at most; 0: there is no socket.
    [[nodiscard]] std::size_t most_visitors() const noexcept {
        return door_.is_open() ? http_door::most_visitors : 0;
    }

    // use: `configuration` is in use from now on, and what open() made for it. All outlive this object's last
    // answer.
    void use(std::shared_ptr<const config::configuration> configuration, worker_pool& workers, log& log);

    // drained are the backends and addresses that get no new clients; drain is for those of the process
    // before that `now` has still.
    [[nodiscard]] std::vector<upgrade::drain> drained() const { return drains_.all(); }
    void drain(const config::configuration& now, const upgrade::drain& one) {
        (void)drains_.set(now, one.backend, one.address, true);
    }

    // A reload begins to read the file; it has ended.
    void reload_begins();
    void reload_ends(const reload_report& how);

  private:
    struct asker {
        explicit asker(boost::asio::io_context& io)
            : told(io, boost::asio::steady_timer::time_point::max()) {}

        boost::asio::steady_timer told; // cancelled then
        std::optional<reload_report> how{};
    };
    struct request; // a question that somebody may ask

    [[nodiscard]] boost::asio::awaitable<http_answer> answer(http_question question);
    [[nodiscard]] boost::asio::awaitable<http_answer> tell_status(const request& one);
    [[nodiscard]] boost::asio::awaitable<http_answer> tell_sessions(const request& one);
    [[nodiscard]] boost::asio::awaitable<http_answer> close(const request& one);
    [[nodiscard]] boost::asio::awaitable<http_answer> reload();
    [[nodiscard]] boost::asio::awaitable<http_answer> reopen();
    [[nodiscard]] http_answer drain(const request& one, bool drained);
    [[nodiscard]] std::string why_not_this_one(const request& one) const;
    void note(const request& one) const;

    template <class Part>
    struct gathering;
    // gather asks each worker, and waits for them, but not for long.
    template <class Part>
    [[nodiscard]] boost::asio::awaitable<std::shared_ptr<gathering<Part>>>
    gather(std::function<Part(context&, unsigned)> ask);

    boost::asio::io_context& io_;
    operation& known_;
    drains drains_;
    std::function<bool()> ask_reload_;
    std::function<std::string(const std::string&)> ask_upgrade_;
    http_door door_;
    std::string default_problem_; // why there is no socket at the default path
    std::shared_ptr<const config::configuration> configuration_;
    worker_pool* workers_ = nullptr;
    log* log_ = nullptr;
    std::vector<std::shared_ptr<asker>> asked_;   // for the next reload
    std::vector<std::shared_ptr<asker>> waiting_; // for the one that is under way
};

} // namespace snipass::server
