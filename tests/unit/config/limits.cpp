// SPDX-License-Identifier: BSL-1.0
// Every limit, and one beyond it.
#include "snipass/config/limits.hpp"

#include "mistakes.hpp"

using namespace snipass::config;

TEST_CASE("parse: a limit holds, one more or less does not") {
    struct row {
        const char* key;
        std::string table;
        const char* good;
        const char* bad;
        const char* problem;
    };
    const std::string server = "[server]\n";
    const std::string listener =
        "[default]\nbackend = \"x\"\n[backend.x]\nhandoff = \"unix:/x\"\n[[listener]]\naddress = \":1\"\n";
    const std::string rate = listener + "max_rate = 1\n";
    const std::string handoff =
        "[[listener]]\naddress = \":1\"\n[default]\nbackend = \"x\"\n[backend.x]\nhandoff = \"unix:/x\"\n";
    const std::string proxy =
        "[[listener]]\naddress = \":1\"\n[default]\nbackend = \"x\"\n[backend.x]\nproxy = \"a:1\"\n";
    const auto row = GENERATE_COPY(values<struct row>({
        {"workers", server, "0", "-1", "-1 is out of range; write at least 0"},
        {"workers", server, "1024", "1025", "1025 is out of range; write at most 1024"},
        {"hello_timeout", server, "\"1ms\"", "\"0s\"", "\"0s\" is out of range; write at least \"1ms\""},
        {"hello_timeout", server, "\"24h\"", "\"86400001ms\"",
         "\"86400001ms\" is out of range; write at most \"24h\""},
        {"hello_max", server, "\"1024B\"", "\"1023B\"", "\"1023B\" is out of range; write at least \"1KiB\""},
        {"hello_max", server, "\"1MiB\"", "\"1048577B\"",
         "\"1048577B\" is out of range; write at most \"1MiB\""},
        {"max_waiting", server, "1", "0", "0 is out of range; write at least 1"},
        {"max_waiting", server, "1000000", "1000001", "1000001 is out of range; write at most 1000000"},
        {"max_waiting_per_source", server, "1", "0", "0 is out of range; write at least 1"},
        {"max_waiting_per_source", server, "1000000", "1000001",
         "1000001 is out of range; write at most 1000000"},
        {"drain_timeout", server, "\"0s\"", "\"25h\"", "\"25h\" is out of range; write at most \"24h\""},
        {"max_relayed", server, "1", "0", "0 is out of range; write at least 1"},
        {"max_relayed", server, "1000000", "1000001", "1000001 is out of range; write at most 1000000"},
        {"max_relayed_per_source", server, "1", "0", "0 is out of range; write at least 1"},
        {"max_relayed_per_source", server, "1000000", "1000001",
         "1000001 is out of range; write at most 1000000"},
        {"max_rate_per_source", listener, "1", "0", "0 is out of range; write at least 1"},
        {"max_rate_per_source", listener, "1000000", "1000001",
         "1000001 is out of range; write at most 1000000"},
        {"max_rate", listener, "1", "0", "0 is out of range; write at least 1"},
        {"max_rate", listener, "1000000", "1000001", "1000001 is out of range; write at most 1000000"},
        {"max_burst", rate, "1", "0", "0 is out of range; write at least 1"},
        {"max_burst", rate, "1000000", "1000001", "1000001 is out of range; write at most 1000000"},
        {"max_unanswered", handoff, "1", "0", "0 is out of range; write at least 1"},
        {"max_unanswered", handoff, "1000000", "1000001", "1000001 is out of range; write at most 1000000"},
        {"max_pipes", server, "0", "-1", "-1 is out of range; write at least 0"},
        {"max_pipes", server, "100000", "100001", "100001 is out of range; write at most 100000"},
        {"max_pipe_memory", server, "\"256KiB\"", "\"262143B\"",
         "\"262143B\" is out of range; write at least \"256KiB\""},
        {"max_pipe_memory", server, "\"65536MiB\"", "\"65537MiB\"",
         "\"65537MiB\" is out of range; write at most \"65536MiB\""},
        {"resolve_interval", proxy, "\"100ms\"", "\"99ms\"",
         "\"99ms\" is out of range; write at least \"100ms\""},
        {"check_interval", proxy, "\"100ms\"", "\"99ms\"",
         "\"99ms\" is out of range; write at least \"100ms\""},
        {"eject_after", proxy, "1000", "1001", "1001 is out of range; write at most 1000"},
        {"max_lifetime", proxy, "\"0s\"", "\"25h\"", "\"25h\" is out of range; write at most \"24h\""},
        {"keepalive", proxy, "\"0s\"", "\"25h\"", "\"25h\" is out of range; write at most \"24h\""},
        {"user_timeout", proxy, "\"0s\"", "\"25h\"", "\"25h\" is out of range; write at most \"24h\""},
        {"min_rate", proxy, "\"0B\"", "\"-1B\"",
         "\"-1B\" does not begin with a number; write a whole number and a unit (B, KiB or MiB), such as "
         "\"64KiB\""},
        {"min_rate", proxy, "\"64MiB\"", "\"65MiB\"", "\"65MiB\" is out of range; write at most \"64MiB\""},
        {"hold", handoff, "\"0s\"", "\"25h\"", "\"25h\" is out of range; write at most \"24h\""},
        {"ack_timeout", handoff, "\"1ms\"", "\"0ms\"", "\"0ms\" is out of range; write at least \"1ms\""},
        {"max_pending", handoff, "1", "0", "0 is out of range; write at least 1"},
        {"max_pending", handoff, "1000000", "1000001", "1000001 is out of range; write at most 1000000"},
        {"connect_timeout", proxy, "\"1ms\"", "\"0ms\"", "\"0ms\" is out of range; write at least \"1ms\""},
        {"idle_timeout", proxy, "\"24h\"", "\"1441m\"", "\"1441m\" is out of range; write at most \"24h\""},
    }));
    INFO(row.key);
    const auto behind = row.table == server ? rest : std::string{};
    CHECK(parse(row.table + row.key + " = " + row.good + "\n" + behind, "f").diagnostics.empty());
    const auto refused = parse(row.table + row.key + " = " + row.bad + "\n" + behind, "f");
    CHECK_FALSE(refused.value);
    REQUIRE(refused.diagnostics.size() == 1);
    CHECK(refused.diagnostics[0].message.ends_with(std::string(row.key) + ": " + row.problem));
}
