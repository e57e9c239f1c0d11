// SPDX-License-Identifier: BSL-1.0
// frame_pool: the memory of coroutine frames.
#pragma once

#include <array>
#include <cstddef>
#include <new>
#include <utility>

namespace snipass::net {

// frame_pool keeps the memory of a thread's finished coroutine frames for its next ones: a session has about
// ten, each for the time of one call, and malloc's own cache of seven a size is too small for the sessions of
// a busy moment (bench/README.md says what it gives). Sanitizers are to see each frame's end, and get none.
// For threads that live as long as the process: what is kept for one that ends is lost.
class frame_pool {
  public:
    [[nodiscard]] static void* allocate(std::size_t size) {
        const auto chosen = index(size);
        if (!is_pooled(chosen))
            return ::operator new(size);
        auto& list = lists_[chosen];
        if (list.first == nullptr)
            return ::operator new(malloc_rest + step * chosen);
        --list.size;
        return std::exchange(list.first, list.first->next);
    }

    static void deallocate(void* frame, std::size_t size) noexcept {
        const auto chosen = index(size);
        if (!is_pooled(chosen) || lists_[chosen].size == most)
            return ::operator delete(frame);
        auto& list = lists_[chosen];
        ++list.size;
        list.first = ::new (frame) free_frame{list.first};
    }

  private:
    // glibc's malloc gives blocks of 16 n + 8 bytes: with the same steps, no frame costs more than it did.
    static constexpr std::size_t step = 16;
    static constexpr std::size_t malloc_rest = 8;
#ifdef SNIPASS_SANITIZED
    static constexpr std::size_t sizes = 0;
#else
    static constexpr std::size_t sizes = 128;
#endif
    static constexpr std::size_t most = 128; // of one size; the memory of a larger burst goes back

    struct free_frame {
        free_frame* next;
    };
    struct free_list {
        free_frame* first;
        std::size_t size;
    };

    static constexpr std::size_t index(std::size_t size) noexcept {
        return (size + step - 1 - malloc_rest) / step;
    }
    static constexpr bool is_pooled(std::size_t index) noexcept {
        return index < sizes;
    }

    inline static thread_local constinit std::array<free_list, sizes> lists_{};
};

} // namespace snipass::net
