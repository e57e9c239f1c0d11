// SPDX-License-Identifier: BSL-1.0
// connect_race: one connection out of several that are tried at the same time.
#pragma once

#include "snipass/base/ip_address.hpp"
#include "snipass/base/result.hpp"
#include "snipass/net/connect.hpp"
#include "snipass/net/event_loop.hpp"
#include "snipass/net/fd_watch.hpp"
#include "snipass/net/interruption.hpp"
#include "snipass/net/sleeper.hpp"
#include "snipass/os/unique_fd.hpp"

#include <boost/system/error_code.hpp>

#include <memory>
#include <optional>
#include <vector>

namespace snipass::net {

// connect_race runs TCP connects side by side, as RFC 8305 has it: who asks starts them, one after the other,
// and takes the first that succeeds; the others are dropped.
class connect_race {
  public:
    // below: as begin_connect has it.
    explicit connect_race(event_loop& loop, int below = INT_MAX);
    ~connect_race(); // drops those that are under way

    connect_race(const connect_race&) = delete;
    connect_race& operator=(const connect_race&) = delete;

    // start begins a connect, from `source` if there is one (begin_connect), which is given up at `deadline`.
    void start(const ip_endpoint& to, const std::optional<ip_address>& source, time_point deadline);

    // wait lasts until a connect has ended, `until`, or an interruption; finished() tells.
    [[nodiscard]] task<> wait(time_point until, interruption& by);

    // finished takes the next connect that has ended: its number (from 0, as started) and its socket or
    // error.
    struct ended {
        std::size_t number;
        result<os::unique_fd> socket;
    };
    [[nodiscard]] std::optional<ended> finished();
    [[nodiscard]] bool has_finished() const noexcept;
    [[nodiscard]] std::size_t under_way() const noexcept;

  private:
    struct state;
    static task<> run(std::shared_ptr<state> all, std::size_t number, result<begun_connect> socket,
                      time_point deadline);

    int below_;
    std::shared_ptr<state> state_; // the connects have it too: they may end after the race
};

} // namespace snipass::net
