// SPDX-License-Identifier: BSL-1.0
// unanswered: how many clients a backend was sent that it has neither answered nor taken out of its queue.
#pragma once

#include "snipass/base/source_shares.hpp"
#include "snipass/os/unique_fd.hpp"
#include "snipass/telling/outcome.hpp"

#include <atomic>
#include <cstddef>
#include <limits>
#include <mutex>
#include <optional>
#include <vector>

namespace snipass::server {

// The kernel counts descriptors that are in flight, sent and not received, for the router's user, whoever is
// to receive them: with RLIMIT_NOFILE of them nobody can be sent any more (ETOOMANYREFS, unix(7)), and no
// restart changes that. So each backend has a share, and above it is sent nobody. All workers share one, and
// it outlives reloads. Thread-safe.
//
// An eighth of it is for whoever comes. Of the rest a source (source_shares) has at most an eighth of what is
// left, and one at least: the last places are for those who have none. What was sent cannot be taken out of a
// queue again, so nobody makes way for others here.
class unanswered {
  public:
    // allow: `most` altogether; of a `datagram` backend, whose channels count for themselves, each of so many
    // `channels` has an equal part.
    void allow(std::size_t most, std::size_t channels) noexcept;

    [[nodiscard]] std::size_t size() const noexcept { return size_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::size_t part_of_a_channel() const noexcept { return part_.load(); }

    // why_not: the outcome of a client of `source` that may not be sent; none: it may.
    [[nodiscard]] std::optional<outcome> why_not(const ip_address& source);

    // has_room looks at what was left behind only where there would be none otherwise.
    [[nodiscard]] bool has_room() { return size() < most_.load(std::memory_order_relaxed) || frees_room(); }

    // leave_behind: so many datagrams lie unread with a receiver that has been replaced.
    void leave_behind(os::unique_fd socket, std::size_t datagrams);

    // one is a client that was sent, for as long as it exists; or `clients`, of which one alone was looked
    // at.
    class one {
      public:
        one(unanswered& all, const ip_address& source, std::size_t clients = 1);
        ~one();
        one(const one&) = delete;
        one& operator=(const one&) = delete;

      private:
        unanswered& all_;
        std::size_t clients_;
        source_shares::place place_; // once sources are counted
    };

  private:
    static constexpr std::size_t part_of_a_source = 8;

    // counts_sources: before that none is looked at, and nothing is locked.
    [[nodiscard]] bool counts_sources() const noexcept {
        return size() >= most_.load(std::memory_order_relaxed) / part_of_a_source;
    }
    bool frees_room();

    struct left {
        os::unique_fd socket;
        std::size_t datagrams;
    };

    std::atomic<std::size_t> size_ = 0;
    std::atomic<std::size_t> most_ = 1'024;
    std::atomic<std::size_t> part_ = 1'024;
    std::mutex mutex_;
    std::vector<left> left_;
    source_shares shares_{std::numeric_limits<std::size_t>::max()};
};

} // namespace snipass::server
