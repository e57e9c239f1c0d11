// SPDX-License-Identifier: BSL-1.0
// in_flight: how many clients one thread has at the moment.
#pragma once

#include <cstddef>
#include <functional>
#include <utility>

namespace snipass::server {

// in_flight counts the clients of one thread: those that are received from another router, have a session, or
// are relayed.
class in_flight {
  public:
    // client counts one, for as long as it exists and was not moved from.
    class client {
      public:
        explicit client(in_flight& all) noexcept : all_(&all) { ++all_->size_; }
        client(client&& other) noexcept : all_(std::exchange(other.all_, nullptr)) {}
        client& operator=(client&&) = delete;
        ~client() {
            if (all_ != nullptr && --all_->size_ == 0 && all_->when_none)
                all_->when_none();
        }

      private:
        in_flight* all_;
    };

    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    // Called whenever the last one has gone.
    std::function<void()> when_none;

  private:
    std::size_t size_ = 0;
};

} // namespace snipass::server
