// SPDX-License-Identifier: BSL-1.0
// OpenSSL's memory, and whether it was to be had.
#include "snipass/certificates/memory.hpp"

#include <openssl/crypto.h>

#include <cstdlib>
#include <new>
#include <utility>

namespace snipass::certificates {
namespace {

thread_local bool was_refused = false;

void* noticed(void* made, std::size_t size) {
    was_refused = was_refused || (made == nullptr && size > 0);
    return made;
}

void* allocate(std::size_t size, const char* /*file*/, int /*line*/) {
    return noticed(std::malloc(size), size);
}
void* reallocate(void* old, std::size_t size, const char* /*file*/, int /*line*/) {
    return noticed(std::realloc(old, size), size);
}
void release(void* old, const char* /*file*/, int /*line*/) {
    std::free(old);
}

} // namespace

void watch_memory() {
    (void)CRYPTO_set_mem_functions(allocate, reallocate, release);
}

void forget_shortage() noexcept {
    was_refused = false;
}

void demand_memory() {
    if (std::exchange(was_refused, false))
        throw std::bad_alloc{};
}

} // namespace snipass::certificates
