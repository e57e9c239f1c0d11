// SPDX-License-Identifier: BSL-1.0
// interruption: the end that somebody else makes of whatever one client waits for.
#pragma once

namespace snipass::net {

class fd_watch;
class sleeper;

// interruption is the client's, who says what it waits for at the moment (cover). One thread only.
class interruption {
  public:
    interruption() = default;
    interruption(const interruption&) = delete;
    interruption& operator=(const interruption&) = delete;

    // come ends the wait that is covered, soon but not within this call: a watch's with
    // wait_error::cancelled. Whoever would begin another one asks has_come first.
    void come();
    [[nodiscard]] bool has_come() const noexcept { return has_come_; }

    // cover is for the time of one wait; one at a time.
    class cover {
      public:
        cover(interruption& by, fd_watch& wait) noexcept : by_(by) { by_.watch_ = &wait; }
        cover(interruption& by, sleeper& wait) noexcept : by_(by) { by_.nap_ = &wait; }
        ~cover() {
            by_.watch_ = nullptr;
            by_.nap_ = nullptr;
        }
        cover(const cover&) = delete;
        cover& operator=(const cover&) = delete;

      private:
        interruption& by_;
    };

  private:
    fd_watch* watch_ = nullptr;
    sleeper* nap_ = nullptr;
    bool has_come_ = false;
};

} // namespace snipass::net
