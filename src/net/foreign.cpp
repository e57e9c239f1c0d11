// SPDX-License-Identifier: BSL-1.0
// Closing what others have sent, where nobody waits for it.
#include "snipass/net/foreign.hpp"

#include "snipass/handoff/foreign.h"

#include <algorithm>
#include <deque>
#include <map>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace snipass::net {
namespace {

// One party keeps one thread busy at most. More parties than threads wait for each other.
constexpr std::size_t max_threads = 32;

// More descriptors than these in line, of one party and of all, would be a stranger's way to all that we may
// have: the worker closes itself then, and its guard (process/worker_pool) frees it from a close that a
// signal can end.
constexpr std::size_t max_of_one = 256;
constexpr std::size_t max_in_line = 1'024;

// foreign_files is what came at once, and who is to know when it is closed.
struct foreign_files {
    os::unique_fd connection;
    std::vector<os::unique_fd> descriptors;
    std::shared_ptr<void> account;

    [[nodiscard]] std::size_t size() const noexcept { return descriptors.size() + (connection ? 1 : 0); }

    void close() {
        if (connection)
            handoff_turn_away(&handoff_libc, connection.release());
        for (auto& one : descriptors)
            handoff_close_foreign(&handoff_libc, one.release());
        account.reset();
    }
};

// closers are the threads, and what is in line for them.
class closers {
  public:
    // close does it later, or at once where there is no room, no memory or no thread.
    void close(std::uint64_t party, foreign_files what) {
        try {
            if (enqueue(party, what))
                return;
        } catch (const std::bad_alloc&) {
        }
        what.close();
    }

  private:
    struct line {
        std::deque<foreign_files> files;
        std::size_t descriptors = 0; // in these, and in what is being closed
        bool is_served = false;      // a thread has it, or will, and takes it away when it is empty
    };

    bool enqueue(std::uint64_t party, foreign_files& what);
    void work(std::uint64_t party);
    void serve(std::uint64_t party, std::unique_lock<std::mutex>& lock);

    std::mutex mutex_;
    std::map<std::uint64_t, line> lines_; // of each party
    std::size_t in_line_ = 0;
    std::size_t threads_ = 0;
};

// enqueue takes `what` unless it returns false or throws.
bool closers::enqueue(std::uint64_t party, foreign_files& what) {
    const std::lock_guard lock{mutex_};
    const auto size = what.size();
    auto& mine = lines_[party];
    if (in_line_ + size > max_in_line || (mine.is_served && mine.descriptors + size > max_of_one))
        return false;
    mine.files.push_back(std::move(what));
    mine.descriptors += size;
    in_line_ += size;
    if (mine.is_served || threads_ == max_threads)
        return true;
    try {
        std::thread{[this, party] { work(party); }}.detach();
        ++threads_;
        mine.is_served = true;
        return true;
    } catch (const std::system_error&) { // no thread to be had
    }
    if (threads_ > 0)
        return true; // one of them comes to it
    what = std::move(mine.files.back());
    lines_.erase(party);
    in_line_ -= size;
    return false;
}

void closers::work(std::uint64_t party) {
    std::unique_lock lock{mutex_};
    serve(party, lock);
    const auto unserved = [this] {
        return std::ranges::find_if(lines_, [](const auto& one) { return !one.second.is_served; });
    };
    for (auto next = unserved(); next != lines_.end(); next = unserved()) { // others came meanwhile
        next->second.is_served = true;
        serve(next->first, lock);
    }
    --threads_;
}

void closers::serve(std::uint64_t party, std::unique_lock<std::mutex>& lock) {
    auto& mine = lines_.at(party);
    while (!mine.files.empty()) {
        auto next = std::move(mine.files.front());
        mine.files.pop_front();
        const auto size = next.size();
        lock.unlock();
        next.close();
        lock.lock();
        mine.descriptors -= size;
        in_line_ -= size;
    }
    lines_.erase(party);
}

// Its threads may outlive main().
closers& all_closers() {
    static auto& all = *new closers;
    return all;
}

} // namespace

void turn_away(os::unique_fd connection, std::uint64_t party, std::shared_ptr<void> account) {
    if (handoff_may_hold_descriptors(connection.get()))
        all_closers().close(party, {std::move(connection), {}, std::move(account)});
}

void close_elsewhere(std::span<const int> descriptors, std::uint64_t party) {
    if (descriptors.empty())
        return;
    foreign_files what;
    try {
        what.descriptors.reserve(descriptors.size());
    } catch (const std::bad_alloc&) {
        for (const int one : descriptors)
            handoff_close_foreign(&handoff_libc, one);
        return;
    }
    for (const int one : descriptors)
        what.descriptors.emplace_back(one);
    all_closers().close(party, std::move(what));
}

} // namespace snipass::net
