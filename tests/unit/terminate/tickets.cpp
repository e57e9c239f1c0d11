// SPDX-License-Identifier: BSL-1.0
// Ticket keys move on.
#include "snipass/terminate/tickets.hpp"

#include "catch.hpp"

using namespace snipass::terminate;
using namespace std::chrono_literals;

namespace {

bool is_same(const ticket_keys::key& a, const ticket_keys::key& b) {
    return a.name == b.name && a.cipher == b.cipher && a.mac == b.mac;
}

} // namespace

TEST_CASE(
    "ticket keys: a ticket opens for twelve hours at least, and a day and a half later nobody opens it") {
    const auto start = ticket_keys::clock::now();
    ticket_keys keys{start};
    const auto first = keys.sealing(start + 11h);
    CHECK(is_same(first, keys.sealing(start)));
    const auto opens = [&](auto when) { return keys.opening(first.name, when).has_value(); };
    CHECK(opens(start + 11h + 59min));
    const auto second = keys.sealing(start + 12h);
    CHECK_FALSE(is_same(first, second));
    CHECK(opens(start + 12h));
    CHECK(opens(start + 23h + 59min));
    CHECK_FALSE(opens(start + 24h));
    CHECK(keys.opening(second.name, start + 24h));
    CHECK_FALSE(keys.opening(second.name, start + 100h)); // nobody asked meanwhile
}

TEST_CASE("ticket keys: the next one is known before it seals") {
    const auto start = ticket_keys::clock::now();
    ticket_keys keys{start};
    const auto now = keys.sealing(start);
    const auto next = keys.sealing(start + 12h);
    CHECK(next.name != now.name);
    CHECK(next.cipher != now.cipher);
    CHECK(next.mac != now.mac);
}
