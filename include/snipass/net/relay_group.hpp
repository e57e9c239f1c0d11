// SPDX-License-Identifier: BSL-1.0
// relay_group: one thread's relays, and what they share.
#pragma once

#include "snipass/net/pipe_pool.hpp"
#include "snipass/net/relay.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace snipass::net {

// relay_group owns relays, lends them pipes and a buffer, and gives turns to those that have bulk to pass on.
class relay_group final : private alarm {
  public:
    explicit relay_group(event_loop& loop);
    ~relay_group(); // without a word to the relays that are left: end_all() first
    relay_group(const relay_group&) = delete;
    relay_group& operator=(const relay_group&) = delete;

    void set_pipe_limits(std::size_t max_pipes, std::size_t max_memory, int below = INT_MAX) noexcept {
        pipes_.set_limits(max_pipes, max_memory, below);
    }
    // bytes, in receive buffers that have grown. Where little is left they grow less; some they always do.
    void set_buffer_limit(std::size_t most) noexcept { most_buffered_ = most; }

    // start takes over a relay, which passes on at once what is there. An error: it is still the caller's,
    // good for nothing but to be destroyed, with RST on both sides, and ended() is not called.
    [[nodiscard]] error_code start(std::unique_ptr<relay>& one);

    // prepare_some makes so many ready to leave, and those that begin from now on; true: all are. They go on
    // meanwhile.
    [[nodiscard]] bool prepare_some(std::size_t most);

    // let_go: another process has copies of all that they have, and goes on with them. Here nothing happens
    // to them any more, and ended() is not called; the last copies that are closed end them with RST on both
    // sides. What is here of them end_all() closes, for which the loop has to have ended.
    void let_go() noexcept { is_gone_ = true; }
    [[nodiscard]] bool is_gone() const noexcept { return is_gone_; }

    // end_if ends the relays that `predicate` (of relay&) names, with RST on both sides.
    template <class Predicate>
    void end_if(Predicate predicate, relay_end why) {
        for (auto at = relays_.begin(); at != relays_.end();) {
            auto& one = *at++; // it leaves the list when it ends
            if (predicate(one))
                one.end(why);
        }
    }
    // for_each calls tell(const relay&) for each.
    template <class Tell>
    void for_each(Tell tell) const {
        for (const auto& one : relays_)
            tell(one);
    }
    void end(relay& one, relay_end why) { one.end(why); }
    void end_all(relay_end why);

    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] const pipe_pool& pipes() const noexcept { return pipes_; }
    [[nodiscard]] std::size_t buffered() const noexcept { return buffered_; } // as the limit counts it

  private:
    friend class relay;

    // Goes off in the next turn of the loop: others on this thread first.
    class next_turn final : public alarm {
      public:
        explicit next_turn(relay_group& owner) noexcept : owner_(owner) {}

      private:
        void expire() override { owner_.take_turns(); }

        relay_group& owner_;
    };

    void take_a_turn_later(relay& one);
    void take_turns();
    void count_passed(std::size_t bytes) noexcept { passed_ += bytes; }
    [[nodiscard]] std::size_t share_of_buffers() const noexcept;
    // count_buffered: the buffer that had size `one` has this one now.
    void count_buffered(std::uint32_t& one, std::size_t now) noexcept;
    void bury(relay& one);
    void expire() override;

    template <relay::hook relay::*Hook>
    using list_of = boost::intrusive::list<relay, boost::intrusive::member_hook<relay, relay::hook, Hook>,
                                           boost::intrusive::constant_time_size<false>>;

    event_loop& loop_;
    pipe_pool pipes_{0, 0};
    std::vector<std::uint8_t> buffer_;
    list_of<&relay::in_group_> relays_;
    list_of<&relay::in_turn_> in_turn_; // those with bulk to pass on, in line
    std::size_t size_ = 0;
    bool is_leaving_ = false;
    bool is_gone_ = false;
    std::size_t passed_ = 0; // bytes, since turns were given last
    std::size_t most_buffered_ = std::size_t{256} << 20;
    std::size_t buffered_ = 0;
    next_turn next_turn_{*this};
};

} // namespace snipass::net
