// SPDX-License-Identifier: BSL-1.0
// What it costs to find a route, with 10 to 1,000,000 names.
#include "snipass/route/table.hpp"

#include <benchmark/benchmark.h>

#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace {

using namespace snipass;
using route::pattern;
using route::pattern_kind;

std::string name_of(std::int64_t number) {
    return "n" + std::to_string(number) + ".bench.example";
}

route::rule rule_for(pattern_kind kind, std::string text) {
    route::rule one;
    one.names.push_back({kind, std::move(text)});
    return one;
}

// Half of the names are wildcards, each in a rule of its own, and the last of either kind is asked for.
const route::table& names_table(std::int64_t count) {
    static std::map<std::int64_t, std::unique_ptr<const route::table>> known;
    auto& one = known[count];
    if (!one) {
        std::vector<route::rule> rules;
        for (std::int64_t i = 0; i < count; ++i)
            rules.push_back(rule_for(i % 2 == 0 ? pattern_kind::exact : pattern_kind::wildcard, name_of(i)));
        one = std::make_unique<const route::table>(rules);
    }
    return *one;
}

const route::table& regex_table(std::int64_t count) {
    static std::map<std::int64_t, std::unique_ptr<const route::table>> known;
    auto& one = known[count];
    if (!one) {
        std::vector<route::rule> rules;
        for (std::int64_t i = 0; i < count; ++i)
            rules.push_back(
                rule_for(pattern_kind::regex, "user[0-9]+\\.n" + std::to_string(i) + "\\.example"));
        one = std::make_unique<const route::table>(rules);
    }
    return *one;
}

// Looks a name up as the router does: validated first, then found. -1: no rule.
std::int64_t rule_of(const route::table& table, const std::string& text) {
    static const route::client_facts client{*ip_address::parse("192.0.2.1"), {}};
    const auto name = host_name::parse(text);
    const auto found = name ? table.find(*name, client) : std::nullopt;
    return found ? static_cast<std::int64_t>(found->rule) : -1;
}

// The same name again and again.
void look_up(benchmark::State& state, const route::table& table, const std::string& text,
             std::int64_t expected) {
    if (rule_of(table, text) != expected)
        return state.SkipWithError("the wrong route");
    for (auto _ : state)
        benchmark::DoNotOptimize(rule_of(table, text));
}

// Each time another of very many names: what the table needs of it is in no cache.
void any_exact(benchmark::State& state) {
    const auto& table = names_table(state.range(0));
    std::mt19937 random{6};
    std::uniform_int_distribution<std::int64_t> half{0, state.range(0) / 2 - 1};
    std::vector<std::string> names(1U << 16);
    for (auto& one : names) {
        const auto number = 2 * half(random);
        one = name_of(number);
        if (rule_of(table, one) != number)
            return state.SkipWithError("the wrong route");
    }
    std::size_t i = 0;
    for (auto _ : state)
        benchmark::DoNotOptimize(rule_of(table, names[i++ % names.size()]));
}

void exact(benchmark::State& state) {
    const auto last = state.range(0) - 2;
    look_up(state, names_table(state.range(0)), name_of(last), last);
}

void wildcard(benchmark::State& state) {
    const auto last = state.range(0) - 1;
    look_up(state, names_table(state.range(0)), "www." + name_of(last), last);
}

void miss(benchmark::State& state) {
    look_up(state, names_table(state.range(0)), "www.somewhere.else.example", -1);
}

void regex(benchmark::State& state) {
    const auto last = state.range(0) - 1;
    look_up(state, regex_table(state.range(0)), "user42.n" + std::to_string(last) + ".example", last);
}

void regex_miss(benchmark::State& state) {
    look_up(state, regex_table(state.range(0)), "www.somewhere.else.example", -1);
}

void build(benchmark::State& state) {
    std::vector<route::rule> rules;
    for (std::int64_t i = 0; i < state.range(0); ++i)
        rules.push_back(rule_for(pattern_kind::exact, name_of(i)));
    for (auto _ : state) {
        const route::table table{rules};
        if (table.size() != rules.size())
            return state.SkipWithError("names are missing");
    }
}

void sizes(benchmark::internal::Benchmark* one) {
    one->RangeMultiplier(10)->Range(10, 1'000'000);
}

} // namespace

BENCHMARK(exact)->Apply(sizes);
BENCHMARK(any_exact)->Apply(sizes);
BENCHMARK(wildcard)->Apply(sizes);
BENCHMARK(miss)->Apply(sizes);
BENCHMARK(regex)->Arg(10)->Arg(1'000);
BENCHMARK(regex_miss)->Arg(10)->Arg(1'000);
BENCHMARK(build)->Arg(1'000'000)->Unit(benchmark::kMillisecond);
BENCHMARK_MAIN();
