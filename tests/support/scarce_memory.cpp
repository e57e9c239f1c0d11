// SPDX-License-Identifier: BSL-1.0
#include "scarce_memory.hpp"

#include <cstdint>
#include <cstdlib>
#include <new>

namespace {

thread_local std::size_t largest = SIZE_MAX;

} // namespace

namespace snipass::testing {

scarce_memory::scarce_memory(std::size_t most) noexcept {
    largest = most;
}

scarce_memory::~scarce_memory() {
    largest = SIZE_MAX;
}

} // namespace snipass::testing

#ifndef SNIPASS_SANITIZED
void* operator new(std::size_t size) {
    if (void* const made = size > largest ? nullptr : std::malloc(size == 0 ? 1 : size))
        return made;
    throw std::bad_alloc{};
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}
#endif
