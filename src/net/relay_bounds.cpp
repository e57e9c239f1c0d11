// SPDX-License-Identifier: BSL-1.0
// What a relay may hold of what others need: how much the kernel buffers for it, and for how long while a
// side takes little.
#include "snipass/net/relay.hpp"

#include "snipass/net/relay_group.hpp"
#include "snipass/os/buffers.hpp"

#include <algorithm>
#include <limits>

namespace snipass::net {
namespace {

using namespace std::chrono_literals;

// So many looks in a row find a side slow that is ended for it. Looks are counted and not time: in a pause of
// the router (SIGSTOP, a snapshot) there are none.
constexpr unsigned looks_in_patience = 4;

// A direction's buffers are looked at when so many bytes have come, before the kernel has made them larger,
// and from then on for each portion: a call for every tenth of a millisecond of bulk.
constexpr std::uint64_t first_look = 64U << 10;
constexpr std::uint64_t bytes_between_looks = 256U << 10;

// Of what the other side does not take, the send queue gets no more than a part of what may be buffered.
constexpr std::size_t part_unsent = 2;

} // namespace

void relay::came(direction& one, std::size_t size) {
    const auto before = one.bytes + one.in_pipe;
    const auto now = before + size;
    if ((now >= first_look && !one.to.is_bounded) || (before ^ now) >= bytes_between_looks)
        bound_buffers(one);
}

// portion is how much is taken at once: while the receive buffer grows, no more than until the next look.
std::size_t relay::portion(const socket& from) noexcept {
    return from.is_tcp && !from.is_full_grown ? bytes_between_looks : std::numeric_limits<std::size_t>::max();
}

std::chrono::milliseconds relay_options::patience() const noexcept {
    if (min_rate == 0)
        return 0ms;
    return idle_timeout > 0ms && user_timeout > 0ms ? std::min(idle_timeout, user_timeout)
                                                    : std::max(idle_timeout, user_timeout);
}

time_point relay::next_look() const noexcept {
    const auto patience = options_.patience();
    return patience > 0ms ? looked_at_ + clock::duration{patience} / looks_in_patience : time_point::max();
}

// bound_buffers: as long as a side reads, the kernel makes the buffer for it larger and larger (tcp(7),
// tcp_rmem), to tens of megabytes where bytes come fast; and what the other side does not take then fills it.
// So that is ended once it is large enough for bulk on any usual path, or for as much as is left. To set the
// size (SO_RCVBUF) would bound it to what net.core.rmem_max says, which is little, and a window
// (TCP_WINDOW_CLAMP) bounds what may come at once, and not what lies there. What is in flight to a side is
// not bounded by us, only what waits to be sent to it.
void relay::bound_buffers(direction& one) {
    const auto share = group_->share_of_buffers();
    auto& to = one.to;
    if (!to.is_bounded && to.is_tcp)
        os::limit_unsent(to.fd.get(), share / part_unsent);
    to.is_bounded = true;
    auto& from = one.from;
    if (!from.is_tcp || from.is_full_grown)
        return;
    const auto size = os::receive_room(from.fd.get());
    group_->count_buffered(from.buffered, size);
    from.is_full_grown = size >= share;
    if (from.is_full_grown)
        os::keep_receive_room(from.fd.get());
}

// slow_side: no event tells what a side takes out of our send queue, so the kernel is asked now and then.
std::optional<relay_end> relay::slow_side(time_point now) {
    if (failure_ || next_look() > now)
        return std::nullopt;
    looked_at_ = now;
    if (is_slow(to_client_))
        return relay_end::client_slow;
    if (is_slow(to_backend_))
        return relay_end::backend_slow;
    return std::nullopt;
}

// is_slow: of what had been passed on at the first look some has not been taken yet, and too little has been
// since. Bytes that were taken have moved, though the relay moved none.
bool relay::is_slow(direction& one) {
    const auto left = std::min<std::uint64_t>(static_cast<unsigned>(os::unsent(one.to.fd.get())), one.bytes);
    const auto taken = one.bytes - left;
    const auto taken_before = one.due - one.left;
    const auto asked =
        options_.min_rate * static_cast<std::uint64_t>(options_.patience() / 1ms) / (1min / 1ms);
    const auto enough = std::max<std::uint64_t>(asked, 1);
    if (one.left > 0 && taken > taken_before)
        last_byte_ = looked_at_;
    if (taken >= one.due || taken >= taken_before + enough) {
        one.due = one.bytes;
        one.left = static_cast<std::uint32_t>(left);
        one.looks = 0;
        return false;
    }
    return ++one.looks >= looks_in_patience;
}

} // namespace snipass::net
