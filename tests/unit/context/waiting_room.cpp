// SPDX-License-Identifier: BSL-1.0
#include "snipass/context/waiting_room.hpp"

#include "catch.hpp"
#include "run_coroutine.hpp"
#include "same_descriptors.hpp"
#include "tcp_client.hpp"

#include <list>
#include <memory>
#include <string>
#include <thread>

using namespace snipass;
using namespace snipass::testing;
using namespace std::chrono_literals;
using server::shed_reason;
using server::waiting_room;

namespace {

// guest is one waiting session: a wait without an end, and a place in the room.
class guest {
  public:
    guest(net::event_loop& loop, waiting_room& room, const std::string& source)
        : watch_(loop, connection_.accepted.get()),
          wait_(loop, as_task(watch_.readable(net::time_point::max()))),
          place_(std::make_unique<waiting_room::place>(room, *ip_address::parse(source), watch_)) {}

    void leave() { place_.reset(); }

    // Why the wait ended; no error if it did not.
    [[nodiscard]] error_code end() {
        if (wait_.done() && !end_)
            end_ = wait_.get();
        return end_;
    }

  private:
    tcp_connection connection_;
    net::fd_watch watch_;
    spawned<error_code> wait_;
    std::unique_ptr<waiting_room::place> place_;
    error_code end_;
};

struct fixture {
    same_descriptors check;
    net::event_loop loop;
    waiting_room room;
    std::list<guest> guests;

    fixture(std::size_t total, std::size_t per_source) { room.set_limits(total, per_source); }
    ~fixture() { loop.destroy_tasks(); }

    void enter(const std::string& source) { guests.emplace_back(loop, room, source); }

    // One letter for each guest, in the order they came: "w"aits, shed for the "r"oom, shed for its "s"ource,
    // at the "e"nd.
    std::string states() {
        run_ready(loop); // an interruption is told from the loop
        std::string letters;
        for (auto& one : guests) {
            const auto end = one.end();
            letters += !end                         ? 'w'
                       : end == shed_reason::room   ? 'r'
                       : end == shed_reason::source ? 's'
                       : end == shed_reason::stop   ? 'e'
                                                    : '?';
        }
        return letters;
    }
};

} // namespace

TEST_CASE("waiting_room: at the limit all wait, one more sheds the oldest") {
    fixture test{3, 10};
    for (const char* source : {"192.0.2.1", "192.0.2.2", "192.0.2.3"})
        test.enter(source);
    CHECK(test.states() == "www");
    CHECK(test.room.size() == 3);
    test.enter("192.0.2.4");
    CHECK(test.states() == "rwww");
    CHECK(test.room.size() == 3);
    test.enter("192.0.2.5");
    CHECK(test.states() == "rrwww");
}

TEST_CASE("waiting_room: once it is closed nobody waits any more") {
    fixture test{3, 10};
    for (const char* source : {"192.0.2.1", "192.0.2.1", "192.0.2.2"})
        test.enter(source);
    CHECK_FALSE(test.room.closed());
    test.room.close();
    CHECK(test.room.closed() == shed_reason::stop);
    CHECK(test.states() == "eee");
    CHECK(test.room.size() == 0);
}

TEST_CASE("waiting_room: one more sheds the oldest of the source that has most") {
    fixture test{4, 10};
    for (const char* source : {"192.0.2.1", "192.0.2.2", "192.0.2.2", "192.0.2.2"})
        test.enter(source);
    test.enter("192.0.2.3");
    CHECK(test.states() == "wrwww");
    test.enter("192.0.2.4");
    CHECK(test.states() == "wrrwww");
    test.enter("192.0.2.5"); // all have one
    CHECK(test.states() == "rrrwwww");
}

TEST_CASE("waiting_room: a /56 has four shares of a source's limit, a /48 sixteen") {
    struct row {
        const char* before; // of the number of the network
        const char* behind;
        int networks;
    };
    for (const auto& row : {row{"2001:db8:0:", "::1", 8}, row{"2001:db8:0:", "00::1", 32}}) {
        fixture test{1'000, 2};
        for (int i = 0; i < row.networks; ++i)
            test.enter(row.before + std::to_string(i) + row.behind);
        test.enter("192.0.2.1");
        const std::string all(static_cast<std::size_t>(row.networks) + 1, 'w');
        CHECK(test.states() == all);
        test.enter(std::string{row.before} + "99" + row.behind);
        CHECK(test.states() == "s" + all);
    }
}

TEST_CASE("waiting_room: at the source's limit all wait, one more sheds the source's oldest") {
    fixture test{10, 2};
    for (const char* source : {"192.0.2.1", "192.0.2.2", "192.0.2.2"})
        test.enter(source);
    CHECK(test.states() == "www");
    test.enter("192.0.2.2");
    CHECK(test.states() == "wsww"); // 192.0.2.1 is older, and another source
    test.enter("192.0.2.1");
    CHECK(test.states() == "wswww");
    test.enter("192.0.2.1");
    CHECK(test.states() == "sswwww");
}

TEST_CASE("waiting_room: who is shed for his source makes room for all") {
    fixture test{2, 1};
    test.enter("192.0.2.1");
    test.enter("192.0.2.2");
    test.enter("192.0.2.2");
    CHECK(test.states() == "wsw");
    CHECK(test.room.size() == 2);
}

TEST_CASE("waiting_room: a source is an IPv4 address") {
    fixture test{10, 1};
    test.enter("192.0.2.1");
    test.enter("192.0.2.2");
    CHECK(test.states() == "ww");
    test.enter("::ffff:192.0.2.1"); // the same, as a dual-stack listener sees it
    CHECK(test.states() == "sww");
}

TEST_CASE("waiting_room: a source is an IPv6 /64") {
    fixture test{10, 1};
    test.enter("2001:db8:0:1::1");
    test.enter("2001:db8:0:2::1");
    CHECK(test.states() == "ww");
    test.enter("2001:db8:0:1:ffff:ffff:ffff:ffff");
    CHECK(test.states() == "sww");
}

TEST_CASE("waiting_room: a limit of one keeps the youngest") {
    fixture test{1, 1};
    test.enter("192.0.2.1");
    test.enter("192.0.2.1");
    test.enter("192.0.2.2");
    CHECK(test.states() == "srw");
    CHECK(test.room.size() == 1);
}

TEST_CASE("waiting_room: limits of zero are one") {
    fixture test{0, 0};
    test.enter("192.0.2.1");
    CHECK(test.states() == "w");
    test.enter("192.0.2.2");
    CHECK(test.states() == "rw");
}

TEST_CASE("waiting_room: who leaves makes room, once") {
    fixture test{2, 2};
    test.enter("192.0.2.1");
    test.enter("192.0.2.1");
    test.guests.front().leave();
    CHECK(test.room.size() == 1);
    test.enter("192.0.2.1");
    CHECK(test.states() == "www"); // the first is out of the room
    test.enter("192.0.2.1");       // sheds the second, which leaves a second time when it is destroyed
    CHECK(test.states() == "wsww");
    CHECK(test.room.size() == 2);
    for (auto& one : test.guests)
        one.leave();
    CHECK(test.room.size() == 0);
}

TEST_CASE("waiting_room: limits that shrink hold for those who enter from then on") {
    fixture test{4, 4};
    for (int i = 0; i < 4; ++i)
        test.enter("192.0.2.1");
    test.room.set_limits(2, 2);
    CHECK(test.states() == "wwww");
    test.enter("192.0.2.2");
    CHECK(test.states() == "rwwww"); // one in, one out
}

TEST_CASE("waiting_room: shed_oldest takes the oldest of the largest source, and says if there is none") {
    fixture test{10, 10};
    CHECK_FALSE(test.room.shed_oldest());
    for (const char* source : {"192.0.2.1", "192.0.2.2", "192.0.2.2"})
        test.enter(source);
    CHECK(test.room.shed_oldest());
    CHECK(test.states() == "wrw");
    CHECK(test.room.shed_oldest());
    CHECK(test.states() == "rrw");
    CHECK(test.room.shed_oldest());
    CHECK_FALSE(test.room.shed_oldest());
    CHECK(test.states() == "rrr");
}

TEST_CASE("shed_reason: an error code of its own, in words") {
    const error_code room = shed_reason::room;
    const error_code source = shed_reason::source;
    CHECK(room != source);
    CHECK(&room.category() == &server::shed_category());
    CHECK(room.message().find("max_waiting ") == 0);
    CHECK(source.message().find("max_waiting_per_source ") == 0);
}
