// SPDX-License-Identifier: BSL-1.0
// What it costs to find and read a ClientHello: nanoseconds a hello, for hellos of every size and for those
// that a stranger would send to make it expensive.
#include "captured_hello.hpp"
#include "hello_builder.hpp"
#include "snipass/tls/client_hello.hpp"
#include "snipass/tls/client_hello_assembler.hpp"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <string>

namespace {

using namespace snipass;
using testing::bytes;
using testing::hello_builder;

constexpr std::size_t hello_max = 65'536;
constexpr std::string_view name = "www.example.com";

// What the router does with a hello that is all there.
std::optional<std::string_view> server_name_of(const bytes& stream, std::vector<std::uint8_t>& scratch) {
    tls::client_hello_assembler assembler{hello_max};
    const auto needed = assembler.advance(stream);
    if (!needed || *needed != stream.size())
        return std::nullopt;
    const auto hello = tls::parse_client_hello(assembler.message(stream, scratch));
    return hello ? hello->server_name : std::nullopt;
}

void read_hello(benchmark::State& state, const bytes& stream) {
    std::vector<std::uint8_t> scratch;
    if (server_name_of(stream, scratch) != name)
        return state.SkipWithError("the hello was not understood");
    for (auto _ : state)
        benchmark::DoNotOptimize(server_name_of(stream, scratch));
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(stream.size()));
}

// The same hello as it trickles in: one more byte each time.
void read_trickling_hello(benchmark::State& state, const bytes& stream) {
    for (auto _ : state) {
        tls::client_hello_assembler assembler{hello_max};
        std::size_t needed = 0;
        for (std::size_t size = 1; size <= stream.size(); ++size)
            needed = assembler.advance(byte_view{stream}.first(size)).value();
        if (needed != stream.size())
            return state.SkipWithError("the hello was not understood");
    }
}

bytes captured(const std::string& file) {
    static const auto all = testing::load_captured_hellos(SNIPASS_SOURCE_DIR "/tests/data/hellos");
    const auto found = std::ranges::find(all, file + ".hello", &testing::captured_hello::file);
    if (found == all.end())
        throw std::runtime_error("no such hello: " + file);
    return found->stream;
}

hello_builder padded(std::size_t message_size) {
    return hello_builder::tls13().server_name(name).message_size(message_size);
}

// A message that is nothing but empty extensions.
hello_builder many_extensions(std::uint16_t count) {
    auto hello = hello_builder::tls13().server_name(name);
    for (std::uint16_t i = 0; i < count; ++i)
        hello.extension(static_cast<std::uint16_t>(0x2000 + i), bytes{});
    return hello;
}

void add(const std::string& title, bytes stream) {
    benchmark::RegisterBenchmark((title + ", " + std::to_string(stream.size()) + " B").c_str(), read_hello,
                                 std::move(stream));
}

} // namespace

int main(int argc, char** argv) {
    add("openssl", captured("openssl-default"));
    add("nss", captured("nss-ech-grease"));
    add("firefox, post-quantum", captured("firefox"));
    for (const std::size_t kilobytes : {4, 16, 64}) { // linear in its size, whatever the shape
        add("padded", padded(kilobytes * 1'023).stream());
        add("extensions of no bytes", many_extensions(static_cast<std::uint16_t>(kilobytes * 250)).stream());
        add("records of one byte", padded(kilobytes * 170).stream(1));
    }
    benchmark::RegisterBenchmark("nss, a byte at a time", read_trickling_hello, captured("nss-ech-grease"));
    benchmark::Initialize(&argc, argv);
    return benchmark::RunSpecifiedBenchmarks() > 0 ? 0 : 1;
}
