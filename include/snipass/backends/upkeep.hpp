// SPDX-License-Identifier: BSL-1.0
// upkeep: keeps the address book true, on a thread of its own: resolves names, probes addresses.
#pragma once

#include "snipass/backends/address_book.hpp"
#include "snipass/backends/target_list.hpp"
#include "snipass/base/result.hpp"
#include "snipass/config/configuration.hpp"
#include "snipass/net/event_loop.hpp"
#include "snipass/net/sleeper.hpp"
#include "snipass/net/turns.hpp"
#include "snipass/telling/log.hpp"

#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace snipass::server {

// Each name is looked up again after resolve_interval; the last good answer stays until there is another. An
// ejected target is probed each check_interval until a probe succeeds; with `check`, all of them are, and
// failed probes eject too. What the process before has asked for is asked for again when its time has come.
class upkeep {
  public:
    upkeep(address_book& book, log& target);
    ~upkeep(); // does not wait for a resolver that does not answer
    upkeep(const upkeep&) = delete;
    upkeep& operator=(const upkeep&) = delete;

    // use: from now on what this configuration names.
    void use(std::shared_ptr<const config::configuration> configuration);

  private:
    struct name {
        explicit name(net::event_loop& loop) : sleeper(loop) {}

        config::milliseconds interval{};
        bool wanted = true;
        bool failing = false;
        bool told_too_many = false;
        net::sleeper sleeper;
    };
    struct checked; // a backend and its targets

    void apply(std::shared_ptr<const config::configuration> configuration);
    net::task<> keep_resolved(std::string host);
    net::task<> look_up(const std::string& host, name& about);
    net::task<> ask(const std::string& host, name& about);
    void learn(const std::string& host, name& about, std::vector<ip_address> answer);
    void keep(const std::string& host, name& about, const error_code& problem);
    net::task<> keep_checked();
    void check(const std::shared_ptr<checked>& one);
    net::task<> probe(std::shared_ptr<checked> of, candidate to);

    address_book& book_;
    log& log_;
    net::event_loop loop_;
    std::map<std::string, std::unique_ptr<name>> names_;
    net::turns lookups_; // each on a thread of its own
    net::turns late_;    // of lookups that take long
    net::turns failing_; // of those of names that failed last time
    net::turns probes_;  // each with a descriptor
    std::vector<std::shared_ptr<checked>> checked_;
    bool has_begun_ = false;
    net::sleeper next_check_;
    std::jthread thread_;
};

} // namespace snipass::server
