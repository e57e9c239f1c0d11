// SPDX-License-Identifier: BSL-1.0
// The load generator of the benchmark: clients that send a ready-made hello to a port of this machine.
//
//     bench_load closed --port P --hello FILE --concurrency 32 --ms 1000
//     bench_load open   --port P --hello FILE --rate 3000 --ms 1000
//     bench_load bulk   --port P --hello FILE --direction up --connections 4 --bytes 536870912
//     bench_load crowd  --port P --hello FILE --count 10000 --first-bytes 3
#include "loads.hpp"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <exception>

namespace {

using namespace snipass::bench;

int run(int argc, char** argv) {
    CLI::App app{"bench_load: the clients of the benchmark"};
    app.require_subcommand(1);
    std::uint16_t port = 0;
    std::string hello;
    short_load shorts;
    bulk_load bulk;
    crowd_load crowd;
    unsigned milliseconds = 1'000;
    std::string direction = "up";

    auto* const closed = app.add_subcommand("closed", "short connections, so many at a time");
    closed->add_option("--concurrency", shorts.concurrency);
    auto* const open = app.add_subcommand("open", "short connections, so many a second");
    open->add_option("--rate", shorts.rate)->required();
    for (auto* const one : {closed, open}) {
        one->add_option("--ms", milliseconds);
        one->add_option("--count", shorts.count);
    }
    auto* const bulk_command = app.add_subcommand("bulk", "few connections with much in them");
    bulk_command->add_option("--direction", direction)->check(CLI::IsMember({"up", "down"}));
    bulk_command->add_option("--connections", bulk.connections);
    bulk_command->add_option("--bytes", bulk.bytes, "on each connection")->required();
    auto* const crowd_command =
        app.add_subcommand("crowd", "many connections that stay until standard input ends");
    crowd_command->add_option("--count", crowd.count)->required();
    crowd_command->add_option("--first-bytes", crowd.first_bytes, "of the hello; 0: all");
    for (auto* const one : {closed, open, bulk_command, crowd_command}) {
        one->add_option("--port", port)->required();
        one->add_option("--hello", hello)->required();
    }
    CLI11_PARSE(app, argc, argv);

    raise_descriptor_limit();
    auto to = make_target(port, hello);
    shorts.duration = std::chrono::milliseconds{milliseconds};
    bulk.up = direction == "up";
    if (*crowd_command)
        run_crowd(to, crowd);
    else
        std::puts((*bulk_command ? run_bulk(to, bulk) : run_short(to, shorts)).c_str());
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    try {
        return run(argc, argv);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "bench_load: %s\n", error.what());
        return 1;
    }
}
