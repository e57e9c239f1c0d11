// SPDX-License-Identifier: BSL-1.0
#include "scarce_memory.hpp"

#include <cstdint>
#include <cstdlib>
#include <new>

namespace {

thread_local std::size_t largest = SIZE_MAX;
thread_local std::size_t pieces = SIZE_MAX;

[[maybe_unused]] bool is_there(std::size_t size) noexcept {
    if (size > largest || pieces == 0)
        return false;
    pieces -= pieces == SIZE_MAX ? 0 : 1;
    return true;
}

} // namespace

namespace snipass::testing {

scarce_memory::scarce_memory(std::size_t most, std::size_t times) noexcept {
    largest = most;
    pieces = times;
}

scarce_memory::~scarce_memory() {
    largest = SIZE_MAX;
    pieces = SIZE_MAX;
}

} // namespace snipass::testing

#ifndef SNIPASS_SANITIZED
void* operator new(std::size_t size) {
    if (void* const made = is_there(size) ? std::malloc(size == 0 ? 1 : size) : nullptr)
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
