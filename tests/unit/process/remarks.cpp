// SPDX-License-Identifier: BSL-1.0
#include "snipass/process/remarks.hpp"

#include "catch.hpp"

#include <string>
#include <vector>

using namespace snipass;

namespace {

config::server_settings server(const std::string& keys) {
    const auto read = config::parse("[[listener]]\naddress = \"127.0.0.1:0\"\n[server]\n" + keys, "f");
    REQUIRE(read.value);
    return read.value->server;
}

std::vector<std::string> told(const std::string& start, const std::string& before, const std::string& next) {
    std::vector<std::string> lines;
    for (const auto& one : server::what_takes_a_restart(server(start), server(before), server(next)))
        lines.push_back(one.to_string("f"));
    return lines;
}

const std::string why = ": changes only with a restart, and what it was at the start holds until then; run "
                        "systemctl restart snipass";

} // namespace

TEST_CASE("remarks: what takes a restart is told where the file says it, or would say it") {
    const std::string one = "workers = 1\n";
    using lines = std::vector<std::string>;
    CHECK(told(one, one, one).empty());
    CHECK(told(one, one, "hello_max = \"32KiB\"\nworkers = 2\n") ==
          lines{"f:5:11: warning: server.workers" + why});
    CHECK(told(one, one, "") == lines{"f:3:1: warning: server.workers" + why});
    CHECK(told(one, one, one + "sandbox = \"off\"\n") == lines{"f:5:11: warning: server.sandbox" + why});
}

TEST_CASE("remarks: what takes a restart is told once for each change") {
    CHECK(told("workers = 1\n", "workers = 2\n", "workers = 2\n").empty());
    CHECK(told("workers = 1\n", "workers = 2\n", "workers = 1\n").empty());
    CHECK(told("workers = 1\n", "workers = 2\n", "workers = 3\n").size() == 1);
}
