// SPDX-License-Identifier: BSL-1.0
// Closing what others have sent, where nobody waits for it.
#include "snipass/net/foreign.hpp"

#include "snipass/handoff/foreign.h"

#include <atomic>
#include <system_error>
#include <thread>
#include <vector>

namespace snipass::net {
namespace {

// More of them at once would be a stranger's way to our memory. Where all are at work, the worker closes
// itself, and its guard (process/worker_pool) frees it from a close that waits.
constexpr int max_threads = 8;
std::atomic<int> threads{0};

// elsewhere does `work` in a thread of its own, or here where there is none to be had.
template <class Work>
void elsewhere(Work work) {
    try {
        if (threads.fetch_add(1) < max_threads) {
            std::thread{[work] {
                work();
                threads.fetch_sub(1);
            }}.detach();
            return;
        }
    } catch (const std::system_error&) { // no thread to be had
    }
    threads.fetch_sub(1);
    work();
}

} // namespace

void turn_away(os::unique_fd connection) {
    if (!handoff_may_hold_descriptors(connection.get()))
        return;
    elsewhere([fd = connection.release()] { handoff_turn_away(&handoff_libc, fd); });
}

void close_elsewhere(std::span<const int> descriptors) {
    if (descriptors.empty())
        return;
    elsewhere([all = std::vector<int>(descriptors.begin(), descriptors.end())] {
        for (const int one : all)
            handoff_close_foreign(&handoff_libc, one);
    });
}

} // namespace snipass::net
