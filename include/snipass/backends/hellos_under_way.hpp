// SPDX-License-Identifier: BSL-1.0
// hellos_under_way: which hellos are being relayed, and where to, so that a loop is found.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string_view>
#include <utility>

namespace snipass::server {

// A ClientHello has 32 random bytes (RFC 8446 section 4.1.2), and whoever relays it passes them on. One that
// is on its way to a backend, and comes in for the same backend again, has come back to us, over whatever
// hops. On its way to another backend it may pass here twice: something between them may look at it.
//
// Eight bytes are kept of both, and nobody can make them equal to those of another client, whose random bytes
// are not known. Thread-safe: a loop comes back to any worker.
class hellos_under_way {
    using journeys = std::map<std::uint64_t, std::uint32_t>; // how many marks each has
    using journey = journeys::iterator;

  public:
    using random = std::array<std::uint8_t, 32>;

    // mark is one client's: its hello is under way for as long as it exists. It goes before its hellos do.
    class mark {
      public:
        mark() = default; // of nothing
        mark(mark&& other) noexcept : all_(std::exchange(other.all_, nullptr)), at_(other.at_) {}
        mark& operator=(mark&& other) noexcept {
            std::swap(all_, other.all_);
            std::swap(at_, other.at_);
            return *this;
        }
        ~mark() {
            if (all_ != nullptr)
                all_->remove(at_);
        }

      private:
        friend class hellos_under_way;

        mark(hellos_under_way& all, journey at) noexcept : all_(&all), at_(at) {}

        hellos_under_way* all_ = nullptr;
        journey at_{};
    };

    // add: nullopt: `limit` marks of this journey exist.
    [[nodiscard]] std::optional<mark> add(const random& hello, std::string_view backend, std::size_t limit);

    [[nodiscard]] std::size_t size() const; // journeys

  private:
    void remove(journey at);

    mutable std::mutex mutex_;
    journeys all_;
};

} // namespace snipass::server
