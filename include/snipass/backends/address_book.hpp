// SPDX-License-Identifier: BSL-1.0
// address_book: what all workers know together: where proxied backends are, who takes clients, and how often
// clients come.
#pragma once

#include "snipass/backends/arrivals.hpp"
#include "snipass/backends/drain.hpp"
#include "snipass/backends/hellos_under_way.hpp"
#include "snipass/backends/kept.hpp"
#include "snipass/backends/presence.hpp"
#include "snipass/base/ip_address.hpp"
#include "snipass/base/result.hpp"
#include "snipass/upgrade/state.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace snipass::server {

// target is one address at which a backend can be reached: an IP address with its port, or a unix socket. All
// workers share it, and it outlives reloads.
struct target {
    std::atomic<unsigned> failures = 0;                    // in a row
    std::atomic<bool> ejected = false;                     // tried last, until a probe has succeeded
    std::atomic<std::chrono::milliseconds> too_slow_for{}; // a head start that it did not use; zero: none
    std::atomic<unsigned> sessions = 0;                    // from the connect on
    std::atomic<bool> probed = false;                      // a probe is under way

    std::atomic<bool> is_local = false; // this machine's, when the kernel was asked last
    std::atomic<std::chrono::steady_clock::time_point> asked{};
    std::atomic<bool> told_loop = false;
    std::shared_ptr<presence> of; // the backend's, since it was made

    // failed and succeeded tell how a connect ended, and return whether that has ejected the target or
    // brought it back. eject_after: so many failures in a row eject; 0: never.
    bool failed(unsigned eject_after) noexcept {
        const bool too_many = ++failures >= eject_after && eject_after > 0;
        const bool is_news = too_many && !ejected.exchange(true);
        if (is_news && of)
            ++of->ejections;
        return is_news;
    }
    bool succeeded() noexcept {
        failures = 0;
        too_slow_for = std::chrono::milliseconds{};
        return ejected.exchange(false);
    }
};

// counted is one session at a target, or one on its way there, for as long as it exists.
class counted {
  public:
    // at: null: nowhere.
    explicit counted(std::shared_ptr<target> at) noexcept : at_(std::move(at)) {
        if (at_)
            ++at_->sessions;
    }
    ~counted() {
        if (at_)
            --at_->sessions;
    }
    counted(counted&&) noexcept = default;
    counted& operator=(counted&& other) noexcept {
        std::swap(at_, other.at_);
        return *this;
    }

  private:
    std::shared_ptr<target> at_;
};

// So many addresses of one name are used; an answer may have thousands, and each client looks at all.
inline constexpr std::size_t max_addresses = 32;

// cut_to_max_addresses keeps the same ones whatever their order, because resolvers rotate their answers.
// True: it had to.
bool cut_to_max_addresses(std::vector<ip_address>& answer);

using addresses = std::shared_ptr<const std::vector<ip_address>>;

// Thread-safe.
class address_book {
  public:
    // find is the last good answer for a DNS name; null: there was none yet.
    [[nodiscard]] addresses find(const std::string& host) const;

    // learn keeps an answer, which is not empty; true if it is another one than before. One thread learns.
    // learned_at is when it did last; not set: never.
    bool learn(const std::string& host, std::vector<ip_address> answer);
    [[nodiscard]] std::chrono::steady_clock::time_point learned_at(const std::string& host) const;

    // has_failed notes that there is no answer. knows: there was an answer, or none could be had.
    // why_unknown: the resolver's words for a name that never had one; empty: it has one, or is still being
    // looked up.
    void has_failed(const std::string& host, const error_code& why);

    // forget: nobody keeps this name up to date any more.
    void forget(const std::string& host);
    [[nodiscard]] bool knows(const std::string& host) const;
    [[nodiscard]] std::string why_unknown(const std::string& host) const;

    // at is the target of a backend at `where` (as an endpoint or path is written); it is made if need be.
    // Two backends at one address fail each for itself.
    [[nodiscard]] std::shared_ptr<target> at(std::string_view backend, const std::string& where);

    // presence_of is the one of the backend of that name; it is made if need be.
    [[nodiscard]] std::shared_ptr<presence> presence_of(const std::string& backend);

    // drain_of is the switch of a backend, or of one of its addresses as written (written_addresses).
    [[nodiscard]] std::shared_ptr<drain_switch> drain_of(const std::string& backend,
                                                         const std::string& address = {});

    // arrivals_at is of the listener of that name; it is made if need be, and with it the room for sources.
    [[nodiscard]] std::shared_ptr<arrivals> arrivals_at(const std::string& listener, bool counts_sources);

    // least_answering is the backend that has most of what it was sent neither answered nor read, and how
    // many.
    [[nodiscard]] std::pair<std::string, std::size_t> least_answering() const;

    // add_to tells the next process what is known. begin_with takes what the one before has told, of DNS
    // names that are in this file; of addresses and backends it is known until forget_before(), and then of
    // those that somebody has asked for.
    void add_to(upgrade::state& next) const;
    void begin_with(const upgrade::state& before, const config::configuration& now);
    void forget_before() { before_.clear(); }

    // may_tell_no_port: true once a minute, to one of all who ask.
    [[nodiscard]] bool may_tell_no_port() noexcept;

    hellos_under_way hellos;                       // of relayed clients
    std::atomic<std::uint64_t> failed_lookups = 0; // of names in the file

  private:
    struct name {
        addresses answer; // null: none could be had
        error_code why;   // not, the last time
        std::chrono::steady_clock::time_point at{};
    };

    std::atomic<std::chrono::steady_clock::time_point> tell_no_port_from_{};
    mutable std::mutex mutex_;
    std::map<std::string, name> names_;
    kept<std::pair<std::string, std::string>, target> targets_;
    kept<std::string, presence> presences_;
    kept<std::pair<std::string, std::string>, drain_switch> drains_;
    kept<std::string, arrivals> arrivals_;
    std::vector<std::shared_ptr<const void>> before_; // so that what they say is not forgotten
};

} // namespace snipass::server
