// SPDX-License-Identifier: BSL-1.0
// What a backend owes that was sent clients.
#include "account.hpp"

#include "snipass/handoff/foreign.h"
#include "snipass/net/foreign.hpp"
#include "snipass/net/sleeper.hpp"
#include "snipass/net/task.hpp"
#include "snipass/os/buffers.hpp"
#include "snipass/os/unix_socket.hpp"

#include <sys/socket.h>

#include <chrono>
#include <cstdint>
#include <utility>

namespace snipass::server {
namespace {

using namespace std::chrono_literals;
using net::task;

// reading is told whenever the other end of a unix socket may have read something.
class reading final : private net::ready_target {
  public:
    reading(net::event_loop& loop, int connection) : loop_(loop), connection_(connection), nap_(loop) {
        (void)loop.watch_edges(connection, *this, 0); // else it is looked at once a second
    }
    ~reading() {
        loop_.unwatch(connection_);
        loop_.forget(*this);
    }
    [[nodiscard]] auto next() noexcept { return nap_.sleep(net::clock::now() + 1s); }

  private:
    void on_ready(unsigned /*which*/, std::uint32_t /*events*/) override { nap_.wake(); }

    net::event_loop& loop_;
    int connection_;
    net::sleeper nap_;
};

// account is what the backend owes, for as long as it exists: until it has read what it was sent, and until
// what it has sent in return is closed.
struct account {
    account(std::shared_ptr<presence> backend, const ip_address& source, std::size_t clients)
        : of(std::move(backend)), sent(of->sent, source, clients) {}

    std::shared_ptr<presence> of;
    unanswered::one sent;
};

void turn_away(os::unique_fd connection, std::shared_ptr<account> whose) {
    const auto party = reinterpret_cast<std::uintptr_t>(whose->of.get());
    net::turn_away(std::move(connection), party, std::move(whose));
}

task<> outlast(net::event_loop& loop, os::unique_fd connection, std::shared_ptr<presence> of,
               ip_address source, std::size_t clients) {
    auto mine = std::make_shared<account>(std::move(of), source, clients);
    {
        reading other_end{loop, connection.get()};
        while (os::unsent(connection.get()) > 0)
            co_await other_end.next();
    }
    turn_away(std::move(connection), std::move(mine));
}

} // namespace

void keep_account(net::event_loop& loop, os::unique_fd connection, const std::shared_ptr<presence>& of,
                  const ip_address& source, std::size_t clients) {
    (void)::shutdown(connection.get(), SHUT_RDWR);
    loop.spawn(outlast(loop, std::move(connection), of, source, clients));
}

void turn_away_counted(os::unique_fd connection, const std::shared_ptr<presence>& of,
                       const ip_address& source) {
    turn_away(std::move(connection), std::make_shared<account>(of, source, 1));
}

std::string_view explain_full(outcome full) noexcept {
    return full == outcome::backend_overdue
               ? "max_unanswered clients were sent to it, and it has neither answered nor read any of these"
               : "its source has its share of max_unanswered: clients that were sent to it and not answered";
}

bool may_hold_descriptors(int connection) {
    return !os::can_refuse_descriptors() && handoff_may_hold_descriptors(connection);
}

} // namespace snipass::server
