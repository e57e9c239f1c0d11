// worker: one thread: its loop, its listeners, its sessions, its share of every bound.
#pragma once

#include "snipass/backends/generation.hpp"
#include "snipass/context/waiting_room.hpp"
#include "snipass/net/event_loop.hpp"
#include "snipass/net/hello_peeker.hpp"
#include "snipass/net/name_cache.hpp"
#include "snipass/net/proxy_header.hpp"
#include "snipass/net/relay_group.hpp"
#include "snipass/os/tcp.hpp"
#include "snipass/process/listener.hpp"
#include "snipass/telling/access_log.hpp"
#include "snipass/telling/stats.hpp"

#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace snipass::server {

class proxied_session;
struct passed_client;

// worker shares nothing with the others but the configuration snapshot and the log. The daemon's calls come
// in through post(); everything else runs on the worker's own thread.
class worker {
  public:
    // workers: how many there are, to know this one's share of the bounds. max_waiting_cap: never let more
    // sessions wait than this, whatever the file says (descriptors are finite).
    worker(unsigned workers, std::size_t max_waiting_cap, address_book& book, log& target);

    ~worker();
    worker(const worker&) = delete;
    worker& operator=(const worker&) = delete;

    // run is the thread's body; it returns after stop(), when what was in flight has ended.
    void run();

    // For other threads. post runs `job` on the worker's thread; stop ends run() at once, whatever is in
    // flight.
    void post(std::function<void()> job);
    void stop();
    [[nodiscard]] const stats& counters() const noexcept { return stats_; }

    // apply takes a new configuration: listeners that it no longer names are stopped, `opened` are started,
    // all others go on with their new settings.
    void apply(std::shared_ptr<const config::configuration> configuration,
               std::vector<listener_socket> opened);

    // drain stops all listeners and calls `done` when the last session has ended.
    void drain(std::function<void()> done);

    // For sessions and listeners of this worker.
    [[nodiscard]] net::event_loop& loop() noexcept { return loop_; }
    [[nodiscard]] net::peek_buffer& buffer() noexcept { return buffer_; }
    [[nodiscard]] waiting_room& waiting() noexcept { return waiting_; }
    [[nodiscard]] net::name_cache& names() noexcept { return names_; }
    [[nodiscard]] address_book& book() noexcept { return book_; }
    [[nodiscard]] log& events() noexcept { return log_; }
    // configuration is the one in use; null before the first.
    [[nodiscard]] const config::configuration* configuration() const noexcept {
        return site_ ? site_->config.get() : nullptr;
    }
    [[nodiscard]] bool listens_on(const ip_endpoint& one) const;
    [[nodiscard]] net::unique_id next_id() noexcept;
    void start_session(const std::shared_ptr<generation>& site, const config::listener_settings& listener,
                       os::accepted client);
    void start_session(const std::shared_ptr<generation>& site, const config::listener_settings& listener,
                       passed_client client);
    void start_reception(const std::shared_ptr<generation>& site, const config::listener_settings& listener,
                         os::unique_fd connection);
    void handoff_refused(const config::listener_settings& listener, std::string_view why);
    void finish(record& one); // the session's last act

    // start_relay: a session goes on as a proxied_session. An outcome: it could not, and has ended; `about`
    // is its record again.
    [[nodiscard]] std::optional<outcome> start_relay(std::unique_ptr<proxied_session> one, record& about);
    void listener_is_broken(const std::string& address);

    // make_room: descriptors or memory are needed, and there are none. The session that has waited longest
    // for a hello is ended, by the next turn of the loop; false: none waits.
    bool make_room();
    void accepting_pauses() noexcept { stats_.accept_paused.add(); }

  private:
    void start_listener(listener_socket socket);
    net::task<> run_listener(listener& one);
    net::task<> run_reception(std::shared_ptr<generation> site, const config::listener_settings& listener,
                              os::unique_fd connection);
    void check_drained();
    void end_all() noexcept;

    net::event_loop loop_;
    unsigned workers_;
    std::size_t max_waiting_cap_;
    address_book& book_;
    log& log_;
    stats stats_;
    access_log access_log_;
    net::peek_buffer buffer_;
    waiting_room waiting_;
    net::relay_group relays_;
    net::name_cache names_;
    std::shared_ptr<generation> site_;
    std::list<listener> listeners_;
    std::size_t sessions_ = 0; // and receptions
    net::unique_id last_id_{};
    net::time_point told_out_of_descriptors_{};
    net::time_point told_refused_{};
    std::function<void()> drained_;
};

} // namespace snipass::server
