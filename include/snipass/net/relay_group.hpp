// relay_group: one thread's relays, and what they share.
#pragma once

#include "snipass/net/pipe_pool.hpp"
#include "snipass/net/relay.hpp"
#include "snipass/os/epoll.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace snipass::net {

// relay_group has an epoll instance of its own inside the loop's: a relay's socket is registered once, costs
// no call to wait for, and needs none of Asio's memory (some 300 bytes a descriptor). The events of many
// relays are taken by one call.
class relay_group final : private alarm {
  public:
    explicit relay_group(event_loop& loop);
    ~relay_group(); // without a word to the relays that are left: end_all() first
    relay_group(const relay_group&) = delete;
    relay_group& operator=(const relay_group&) = delete;

    void set_max_pipes(std::size_t max_pipes) noexcept { pipes_.set_max_pipes(max_pipes); }

    // start takes over a relay, which passes on at once what is there. An error: the relay is destroyed and
    // its sockets are closed, and ended() is not called.
    [[nodiscard]] error_code start(std::unique_ptr<relay> one);

    // end_if ends the relays that `predicate` (of relay&) names, with RST on both sides.
    template <class Predicate>
    void end_if(Predicate predicate, relay_end why) {
        for (auto at = relays_.begin(); at != relays_.end();) {
            auto& one = *at++; // it leaves the list when it ends
            if (predicate(one))
                one.end(why);
        }
    }
    void end_all(relay_end why) {
        end_if([](const relay&) { return true; }, why);
    }

    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] const pipe_pool& pipes() const noexcept { return pipes_; }

  private:
    friend class relay;

    void wait();
    void on_ready();
    void take_turns();
    void bury(relay& one);
    void expire() override;

    template <relay::hook relay::*Hook>
    using list_of = boost::intrusive::list<relay, boost::intrusive::member_hook<relay, relay::hook, Hook>,
                                           boost::intrusive::constant_time_size<false>>;

    event_loop& loop_;
    os::epoll epoll_;
    boost::asio::posix::stream_descriptor descriptor_; // of epoll_
    pipe_pool pipes_{1};
    std::vector<std::uint8_t> buffer_;
    list_of<&relay::in_group_> relays_;
    list_of<&relay::in_turn_> in_turn_; // those that have more to pass on than was fair
    std::vector<std::unique_ptr<relay>> buried_;
    std::size_t size_ = 0;
    bool busy_ = false; // events are being handled: those of a relay that ended may still come
};

} // namespace snipass::net
