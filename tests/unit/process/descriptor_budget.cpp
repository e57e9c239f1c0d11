// SPDX-License-Identifier: BSL-1.0
#include "snipass/process/descriptor_budget.hpp"

#include "catch.hpp"

#include <string>
#include <vector>

using namespace snipass;

TEST_CASE("descriptor_budget: what all have together is not more than there is") {
    for (const std::size_t limit : {64, 256, 1'024, 20'000, 1'048'576}) {
        for (const unsigned workers : {1U, 2U, 8U}) {
            INFO(limit << " descriptors, " << workers << " workers");
            const auto budget = server::divide_descriptors(limit, 20, workers);
            const config::server_settings server;
            CHECK(budget.waiting() >= 1);
            CHECK(budget.pending() >= 1);
            CHECK(budget.relayed(server) >= 1);
            CHECK(budget.kept_from + 16 <= static_cast<int>(limit));
            if (limit < 256)
                continue;
            CHECK(20 + workers * budget.waiting() <= static_cast<std::size_t>(budget.kept_from));
            CHECK(2 * (budget.relayed(server) + budget.pipes(server)) < budget.waiting());
            CHECK(2 * budget.pending() <= budget.waiting());
        }
    }
}

TEST_CASE("descriptor_budget: what the file gives counts where it is less") {
    const auto budget = server::divide_descriptors(20'000, 20, 2);
    config::server_settings server;
    server.max_relayed = 100;
    server.max_pipes = 64;
    CHECK(budget.relayed(server) == 50);
    CHECK(budget.pipes(server) == 32);
}

static const std::string raise =
    "raise LimitNOFILE=, or, where that is more already, what this machine or container allows";

TEST_CASE("descriptor_budget: what is cut is said, with what to raise") {
    struct row {
        const char* behaviour;
        std::size_t limit;
        std::size_t max_waiting;
        std::size_t max_relayed;
        std::size_t max_pending; // of each of two backends
        std::string said;
    };
    const auto row = GENERATE(from_range(std::vector<struct row>{
        {"nothing", 1'048'576, 20'000, 1'000'000, 1'024, ""},
        {"max_relayed alone is as descriptors allow", 20'000, 1'000, 1'000'000, 100, ""},
        {"max_relayed, where the file gives it", 1'000, 100, 900, 20,
         "1000 descriptors: max_relayed is 378, not 900; " + raise},
        {"max_waiting", 1'000, 2'000, 300, 20, "1000 descriptors: max_waiting is 926, not 2000; " + raise},
        {"max_pending", 1'000, 900, 300, 1'024,
         "1000 descriptors: max_pending of all backends together is 463, not 2048; " + raise},
        {"max_pending of more clients than may come", 1'000, 400, 300, 1'024, ""},
        {"all", 256, 20'000, 1'000'000, 1'024,
         "256 descriptors: max_waiting is 216, not 20000; max_relayed is 89, not 1000000; max_pending of all "
         "backends together is 108, not 2048; " +
             raise},
    }));
    CAPTURE(row.behaviour);
    config::configuration file;
    file.server.max_waiting = row.max_waiting;
    file.server.max_relayed = row.max_relayed;
    file.backends.resize(2);
    for (auto& one : file.backends)
        one.max_pending = row.max_pending;
    CHECK(server::what_is_cut(file, server::divide_descriptors(row.limit, 20, 1)) == row.said);
}

TEST_CASE("descriptor_budget: what is said is of all workers") {
    config::configuration file;
    file.server.max_waiting = 2'000;
    CHECK(server::what_is_cut(file, server::divide_descriptors(1'000, 20, 2)) ==
          "1000 descriptors: max_waiting is 924, not 2000; max_relayed is 378, not 1000000; " + raise);
}
