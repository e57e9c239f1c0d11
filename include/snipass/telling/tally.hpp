// SPDX-License-Identifier: BSL-1.0
// tally: what is counted of a configuration's listeners, backends and routes, each for itself.
#pragma once

#include "snipass/config/configuration.hpp"
#include "snipass/net/counter.hpp"
#include "snipass/net/relay.hpp"
#include "snipass/telling/moved_counters.hpp"
#include "snipass/telling/outcome.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace snipass::server {

using outcome_counters = std::array<net::counter, outcome_count>;

struct backend_counters {
    outcome_counters outcomes;
    net::relay_counters relayed;
};

// tally is one worker's, for one configuration; its parts have the same indexes. Sessions keep it with the
// configuration they began with.
struct tally {
    // `configuration` has [metrics].
    explicit tally(const config::configuration& configuration);

    std::vector<outcome_counters> listeners;
    std::vector<backend_counters> backends;
    std::vector<net::counter> routes; // empty without [metrics] routes = true
};

// What all tallies come to, by the indexes of the configuration in use.
struct tally_totals {
    struct backend {
        outcome_totals outcomes{};
        std::uint64_t to_backend = 0; // bytes
        std::uint64_t to_client = 0;
    };
    std::vector<outcome_totals> listeners{};
    std::vector<backend> backends{};
    std::vector<std::uint64_t> routes{};
};

// ledger adds up what the workers have counted, and carries it over reloads: a listener, backend or route
// whose name stays keeps its numbers; one that goes takes them along, and begins at 0 if it comes back.
// Of one thread, which is no worker's.
class ledger {
  public:
    // begin makes a tally for each worker; null without [metrics].
    [[nodiscard]] std::vector<std::shared_ptr<tally>> begin(const config::configuration& configuration,
                                                            unsigned workers);

    // totals also puts away what belongs to sessions that have ended all.
    [[nodiscard]] tally_totals totals();

    // add_to tells the next process; begin_with comes before begin, with what the one before has told.
    void add_to(upgrade::counters& next);
    void begin_with(const upgrade::counters& before);

  private:
    struct names {
        std::vector<std::string> listeners, backends, routes;
    };
    // Where the names of an older generation are in the newest one; none: nowhere.
    struct places {
        std::vector<std::size_t> listeners, backends, routes;
    };
    struct generation {
        names named;
        places at;
        std::vector<std::shared_ptr<tally>> tallies; // one for each worker
    };

    static constexpr std::size_t nowhere = static_cast<std::size_t>(-1);
    static std::vector<std::size_t> places_of(const std::vector<std::string>& old,
                                              const std::vector<std::string>& now);
    static places places_of(const names& old, const names& now);
    static void add(const tally& one, const places& at, tally_totals& to);
    static void add(const tally_totals& from, const places& at, tally_totals& to);
    static tally_totals zeros(const names& of);

    names now_;
    tally_totals carried_; // of generations that nobody writes to any more
    std::vector<generation> generations_;
};

} // namespace snipass::server
