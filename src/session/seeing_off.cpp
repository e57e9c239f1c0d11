// SPDX-License-Identifier: BSL-1.0
// The last words of a server that could not wait to say them.
#include "snipass/session/seeing_off.hpp"

#include "snipass/handoff/farewell.h"
#include "snipass/handoff/foreign.h"
#include "snipass/handoff/kernel_tls.h"
#include "snipass/handoff/sender.h"
#include "snipass/net/fd_watch.hpp"
#include "snipass/net/foreign.hpp"
#include "snipass/net/wait_error.hpp"
#include "snipass/os/buffers.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace snipass::server {
namespace {

using namespace std::chrono_literals;
using net::task;

constexpr auto rest = 10ms; // where there is room, and the kernel has no use for it

// A user's share is kept as that of the address with the same number.
ip_address share_of(uid_t user) {
    const auto part = [user](unsigned shift) { return static_cast<std::uint8_t>(user >> shift); };
    return ip_address::v4({part(24), part(16), part(8), part(0)});
}

// guest is one that is seen off. It waits with one watch at a time.
class guest : private source_shares::place {
  public:
    // enter: false, there is no room for one more of this user's.
    bool enter(context& thread, uid_t user) {
        auto* const gone = thread.farewells.enter(*this, share_of(user));
        if (gone == this)
            return false;
        if (auto* const other = static_cast<guest*>(gone); other != nullptr && other->watch_ != nullptr)
            other->watch_->interrupt(net::wait_error::cancelled);
        return true;
    }
    [[nodiscard]] bool has_to_go() const noexcept { return !is_in(); }
    void waits_with(net::fd_watch* watch) noexcept { watch_ = watch; }

  private:
    net::fd_watch* watch_ = nullptr;
};

// take_out closes elsewhere what is no client of ours.
os::unique_fd take_out(int connection, uid_t user) {
    handoff_farewell_taken taken;
    handoff_take_farewell(&handoff_libc, connection, &taken);
    net::close_elsewhere({taken.foreign, taken.foreign_count}, user);
    return os::unique_fd{taken.client};
}

task<os::unique_fd> take(context& thread, guest& one, os::unique_fd connection, uid_t user,
                         net::clock::duration patience) {
    os::unique_fd client;
    {
        net::fd_watch watch{thread.loop, connection.get()};
        one.waits_with(&watch);
        const auto problem = co_await watch.readable(net::clock::now() + patience);
        one.waits_with(nullptr);
        if (!problem)
            client = take_out(connection.get(), user);
    }
    net::turn_away(std::move(connection), user);
    co_return client;
}

// say_the_end lasts as long as the client takes bytes, within bounds.
task<> say_the_end(context& thread, guest& one, int client, farewell_times times) {
    net::fd_watch watch{thread.loop, client};
    one.waits_with(&watch);
    const auto last = net::clock::now() + times.longest;
    int unsent = os::unsent(client);
    while (!kernel_tls_say_end(&handoff_libc, client) && errno == EAGAIN) {
        const auto problem = co_await watch.writable(std::min(last, net::clock::now() + times.longest_stall));
        const int left = os::unsent(client);
        const bool has_stalled = problem && left == std::exchange(unsent, left);
        if (has_stalled || one.has_to_go() || net::clock::now() >= last)
            break;
        if (!problem)
            (void)co_await watch.pause(net::clock::now() + rest);
    }
    one.waits_with(nullptr);
}

} // namespace

task<> see_off(context& thread, os::unique_fd connection, farewell_times times) {
    const in_flight::client counted{thread.clients};
    uid_t user = 0;
    (void)handoff_judge_peer(&handoff_libc, connection.get(), nullptr, 0, &user);
    guest one;
    if (!one.enter(thread, user)) {
        net::turn_away(std::move(connection), user);
        co_return;
    }
    auto client = co_await take(thread, one, std::move(connection), user, times.message);
    if (!client)
        co_return;
    if (!one.has_to_go())
        co_await say_the_end(thread, one, client.get(), times);
    kernel_tls_before_close(&handoff_libc, client.get(), nullptr,
                            true); // an unread alert makes no reset of it
    (void)::shutdown(client.get(), SHUT_WR);
    handoff_close_foreign(&handoff_libc, client.release());
}

} // namespace snipass::server
