// SPDX-License-Identifier: BSL-1.0
// What a route table costs in memory. A program of its own, because it replaces the allocation functions.
#include "snipass/route/table.hpp"

#include "catch.hpp"

#include <cstdlib>
#include <malloc.h>
#include <new>

namespace {

std::size_t allocations = 0;
std::size_t live_bytes = 0;

} // namespace

void* operator new(std::size_t size) {
    void* const block = std::malloc(size);
    if (!block)
        throw std::bad_alloc{};
    ++allocations;
    live_bytes += ::malloc_usable_size(block);
    return block;
}

void operator delete(void* block) noexcept {
    live_bytes -= ::malloc_usable_size(block);
    std::free(block);
}

void operator delete(void* block, std::size_t) noexcept {
    operator delete(block);
}

namespace {

using snipass::host_name;
using snipass::route::pattern_kind;
using snipass::route::rule;
using snipass::route::table;

constexpr std::size_t name_size = 20;

std::string name_of(std::size_t number) {
    auto digits = std::to_string(number);
    return "n" + std::string(name_size - 9 - digits.size(), '0') + digits + ".example";
}

std::vector<rule> make_rules(std::size_t exact, std::size_t wildcards) {
    std::vector<rule> rules(2);
    for (std::size_t i = 0; i < exact; ++i)
        rules[0].names.push_back({pattern_kind::exact, name_of(i)});
    for (std::size_t i = 0; i < wildcards; ++i)
        rules[1].names.push_back({pattern_kind::wildcard, name_of(i)});
    rules[1].alpn = {"h2"};
    rules[1].source = {*snipass::ip_prefix::parse("192.0.2.0/24")};
    return rules;
}

} // namespace

TEST_CASE("a route table takes at most 64 bytes a name besides the name") {
    // The worst numbers: one more name than fits a smaller table.
    for (const std::size_t count : {std::size_t{786'432}, std::size_t{786'433}, std::size_t{1'000'000}}) {
        const auto rules = make_rules(count / 2, count - count / 2);
        const auto before = live_bytes;
        const table table{rules};
        CHECK(table.size() == count);
        const auto bytes_a_name = static_cast<double>(live_bytes - before) / static_cast<double>(count);
        INFO(count << " names: " << bytes_a_name - name_size << " bytes a name besides the name");
        CHECK(bytes_a_name - name_size <= 64);
    }
}

TEST_CASE("looking up a name allocates nothing") {
    const auto rules = make_rules(10'000, 10'000);
    const table table{rules};
    const std::string alpn = "\x02h2";
    const snipass::route::client_facts client{*snipass::ip_address::parse("192.0.2.1"),
                                              snipass::alpn_list{snipass::as_bytes(alpn)}};
    const auto exact = *host_name::parse(name_of(77));
    const auto below = *host_name::parse("a.b.c.d.www." + name_of(77));
    const auto unknown = *host_name::parse("a.b.c.d.example.com");

    const auto before = allocations;
    const bool found = table.find(exact, client) && table.find(below, client) && !table.find(unknown, client);
    const auto after = allocations;
    CHECK(found);
    CHECK(after == before);
}
