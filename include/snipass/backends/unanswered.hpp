// SPDX-License-Identifier: BSL-1.0
// unanswered: how many clients a backend was sent that it has neither answered nor taken out of its queue.
#pragma once

#include "snipass/os/unique_fd.hpp"

#include <atomic>
#include <cstddef>
#include <mutex>
#include <vector>

namespace snipass::server {

// The kernel counts descriptors that are in flight, sent and not received, for the router's user, whoever is
// to receive them: with RLIMIT_NOFILE of them nobody can be sent any more (ETOOMANYREFS, unix(7)), and no
// restart changes that. So each backend has a share, and above it is sent nobody. All workers share one, and
// it outlives reloads. Thread-safe.
class unanswered {
  public:
    // allow: `most` altogether; of a `datagram` backend, whose channels count for themselves, each of so many
    // `channels` has an equal part.
    void allow(std::size_t most, std::size_t channels) noexcept;

    [[nodiscard]] std::size_t size() const noexcept { return size_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::size_t part_of_a_channel() const noexcept { return part_.load(); }

    // has_room looks at what was left behind only where there would be none otherwise.
    [[nodiscard]] bool has_room() { return size() < most_.load(std::memory_order_relaxed) || frees_room(); }

    // leave_behind: so many datagrams lie unread with a receiver that has been replaced.
    void leave_behind(os::unique_fd socket, std::size_t datagrams);

    // one is a client that was sent, for as long as it exists; or `clients`, of which one alone was looked
    // at.
    class one {
      public:
        explicit one(unanswered& all, std::size_t clients = 1) noexcept : all_(all), clients_(clients) {
            all_.size_.fetch_add(clients_, std::memory_order_relaxed);
        }
        ~one() { all_.size_.fetch_sub(clients_, std::memory_order_relaxed); }
        one(const one&) = delete;
        one& operator=(const one&) = delete;

      private:
        unanswered& all_;
        std::size_t clients_;
    };

  private:
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
};

} // namespace snipass::server
