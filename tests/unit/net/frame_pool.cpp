// SPDX-License-Identifier: BSL-1.0
#include "snipass/net/frame_pool.hpp"

#include "catch.hpp"

#include <vector>

using snipass::net::frame_pool;

TEST_CASE("frame_pool: a frame's memory is the next one's of about its size, and nobody else's", "[net]") {
    void* first = frame_pool::allocate(200);
    frame_pool::deallocate(first, 200);
#ifndef SNIPASS_SANITIZED
    void* other = ::operator new(200); // malloc would give what was freed last
    CHECK(other != first);
    ::operator delete(other);
    void* second = frame_pool::allocate(195);
    CHECK(second == first);
    frame_pool::deallocate(second, 195);
#endif
}

TEST_CASE("frame_pool: frames of all sizes, more of them than it keeps", "[net]") {
    for (const std::size_t size : {1U, 8U, 9U, 24U, 25U, 2'039U, 2'040U, 2'041U, 10'000U}) {
        std::vector<void*> frames;
        for (int i = 0; i < 300; ++i) {
            frames.push_back(frame_pool::allocate(size));
            auto* bytes = static_cast<unsigned char*>(frames.back());
            bytes[0] = bytes[size - 1] = static_cast<unsigned char>(i);
        }
        for (int i = 0; i < 300; ++i) {
            const auto* bytes = static_cast<const unsigned char*>(frames[static_cast<std::size_t>(i)]);
            CHECK(bytes[size - 1] == static_cast<unsigned char>(i));
            frame_pool::deallocate(frames[static_cast<std::size_t>(i)], size);
        }
    }
}
