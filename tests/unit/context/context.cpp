// SPDX-License-Identifier: BSL-1.0
// Who gives a descriptor back where there are none.
#include "snipass/context/context.hpp"

#include "catch.hpp"
#include "run_coroutine.hpp"
#include "snipass/backends/address_book.hpp"
#include "tcp_client.hpp"

#include <list>
#include <memory>
#include <string>

using namespace snipass;
using namespace snipass::testing;

namespace {

// thread has clients that wait for their hello, and clients that are on their way to a backend.
struct thread {
    server::address_book book;
    server::log log{config::log_settings{}};
    server::context all{book, log};
    std::shared_ptr<source_shares> backend = all.pending.at_backend("one");
    std::list<server::pending> pending;
    tcp_connection connection;
    net::fd_watch watch{all.loop, connection.accepted.get()};
    std::list<std::unique_ptr<server::waiting_room::place>> waiting;

    thread() {
        backend->set_limit(1'000);
        all.waiting.set_limits(1'000, 1'000);
    }
    void come(int count, const std::string& source) {
        for (int i = 0; i < count; ++i)
            pending.emplace_back(all.pending, *backend, *ip_address::parse(source));
    }
    void wait(int count, const std::string& source) {
        for (int i = 0; i < count; ++i)
            waiting.push_back(std::make_unique<server::waiting_room::place>(
                all.waiting, *ip_address::parse(source), watch));
    }
};

} // namespace

TEST_CASE("context: where there are no descriptors, the largest source gives a descriptor back, wherever it "
          "has its clients") {
    struct row {
        const char* behaviour;
        int waiting; // of one source
        int pending; // of another
        std::size_t limit;
        char gives; // "w"ho waits, who is "p"ending, "n"obody
    };
    const auto row = GENERATE(from_range(std::vector<struct row>{
        {"nobody is there", 0, 0, 100, 'n'},
        {"who waits for a hello", 1, 0, 100, 'w'},
        {"more wait", 20, 20, 100, 'w'},
        {"more are on their way", 20, 21, 100, 'p'},
        {"as few as a source has that is served", 0, 16, 100, 'n'},
        {"one more", 0, 17, 100, 'p'},
        {"the only client of a small room", 0, 1, 1, 'n'},
    }));
    CAPTURE(row.behaviour);
    thread test;
    test.all.pending.set_limit(row.limit);
    test.wait(row.waiting, "192.0.2.1");
    test.come(row.pending, "192.0.2.2");
    CHECK(test.all.make_room() == (row.gives != 'n'));
    CHECK(test.all.waiting.size() == static_cast<std::size_t>(row.waiting - (row.gives == 'w' ? 1 : 0)));
    CHECK(test.all.pending.size() == static_cast<std::size_t>(row.pending - (row.gives == 'p' ? 1 : 0)));
}

TEST_CASE("context: of many sources that have few each somebody makes way in a room that is half full") {
    struct row {
        const char* behaviour;
        int waiting;
        int pending; // each of a source of its own
        std::size_t limit;
        char gives;
    };
    const auto row = GENERATE(from_range(std::vector<struct row>{
        {"half full", 0, 17, 34, 'n'},
        {"more than that", 0, 17, 33, 'p'},
        {"who waits goes before", 1, 17, 33, 'w'},
    }));
    CAPTURE(row.behaviour);
    thread test;
    test.all.pending.set_limit(row.limit);
    test.wait(row.waiting, "192.0.2.1");
    for (int i = 0; i < row.pending; ++i)
        test.come(1, "198.51.100." + std::to_string(i));
    CHECK(test.all.make_room() == (row.gives != 'n'));
    CHECK(test.all.waiting.size() == static_cast<std::size_t>(row.waiting - (row.gives == 'w' ? 1 : 0)));
    CHECK(test.all.pending.size() == static_cast<std::size_t>(row.pending - (row.gives == 'p' ? 1 : 0)));
}
