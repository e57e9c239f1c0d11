// SPDX-License-Identifier: BSL-1.0
// Certificates that are read where there is no memory: nothing is said of their files. OpenSSL's memory is
// this test's to give.
#include "catch.hpp"
#include "certificate_files.hpp"
#include "snipass/certificates/load.hpp"
#include "snipass/certificates/memory.hpp"

#include <cstdlib>
#include <ctime>
#include <new>

using namespace snipass;
using namespace snipass::certificates;
using namespace snipass::testing;

namespace {

// 1: there is no memory for this thread; more: it gets one allocation less; 0: as many as it likes.
thread_local unsigned left = 0;

bool is_refused() {
    if (left > 1)
        --left;
    else
        return left == 1;
    return false;
}

// OpenSSL takes such functions only as long as it has no memory: before main() begins.
[[maybe_unused]] const bool is_watched = (watch_memory(), true);

enum class found {
    all,
    nothing, // no memory
    faults,
};

found look(const config::certificate_source& source, unsigned allocations, std::string& said) {
    try {
        left = allocations + 1;
        const auto made = load({source}, std::time(nullptr));
        left = 0;
        for (const auto& one : made.diagnostics)
            said += one.message + "; ";
        return made.diagnostics.empty() ? found::all : found::faults;
    } catch (const std::bad_alloc&) {
        left = 0;
        return found::nothing;
    }
}

} // namespace

extern "C" {

void* __real_malloc(std::size_t size);             // NOLINT: the linker's names
void* __real_realloc(void* old, std::size_t size); // NOLINT
void* __wrap_malloc(std::size_t size);             // NOLINT
void* __wrap_realloc(void* old, std::size_t size); // NOLINT

void* __wrap_malloc(std::size_t size) {
    return is_refused() ? nullptr : __real_malloc(size);
}
void* __wrap_realloc(void* old, std::size_t size) {
    return is_refused() ? nullptr : __real_realloc(old, size);
}

} // extern "C"

TEST_CASE("certificates: no file is called damaged for want of memory") {
    const certificate_folder here;
    const auto issuer = issue({{"issuer"}});
    const auto leaf = issue({{"a.example"}, key_type::ec}, &issuer);
    const config::certificate_source source{here.add("live/a", leaf, issuer.certificate()), {}, {}};
    std::string said;
    REQUIRE(look(source, 1'000'000, said) == found::all);
    for (unsigned allocations = 0;; ++allocations) {
        const auto got = look(source, allocations, said);
        INFO(allocations << " allocations: " << said);
        if (got == found::all)
            break;
        REQUIRE(got == found::nothing);
        REQUIRE(allocations < 100'000);
    }
}
