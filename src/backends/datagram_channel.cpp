// SPDX-License-Identifier: BSL-1.0
// One worker's connected SOCK_DGRAM socket to a `datagram` backend.
#include "snipass/backends/datagram_channel.hpp"

#include "snipass/os/buffers.hpp"
#include "snipass/os/error.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

namespace snipass::server {
namespace {

// A hello in one-byte records has six times its size, and the largest hello is far below that times the
// kernel's default.
constexpr int send_buffer = 1 << 20;

// A look whose the file is costs a call, and a full queue is looked at often.
constexpr unsigned looks_at_the_file = 8;

const auto queue_full = os::make_error(EAGAIN);
const auto overdue = os::make_error(EDQUOT);

// What the kernel counts for a datagram is its bytes and more than this (SKB_TRUESIZE).
constexpr std::size_t least_overhead = 512;

} // namespace

error_code datagram_channel::ready(std::size_t size) {
    for (;;) {
        if (!socket_) {
            if (const auto ec = connect())
                return ec;
        }
        if (size > largest_)
            return os::make_error(EMSGSIZE);
        const bool may_be = sent_ >= of_->sent.part_of_a_channel() || !of_->sent.has_room();
        if (may_be && is_overdue())
            return overdue;
        if (!doubtful_ || has_room())
            return {};
        // Of a receiver that hangs, another one may have taken the place.
        if (++full_ % looks_at_the_file != 0 || !is_replaced())
            return queue_full;
        let_go();
    }
}

error_code datagram_channel::connect() {
    file_ = os::file_at(path_);
    auto connected =
        owner_ ? os::connect_unix_of(*owner_, path_, SOCK_DGRAM) : os::connect_unix(path_, SOCK_DGRAM);
    if (!connected)
        return connected.error();
    socket_ = std::move(*connected);
    doubtful_ = true;
    // The kernel cuts the wish to net.core.wmem_max, so what was granted is read back.
    int granted = send_buffer;
    socklen_t granted_size = sizeof granted;
    (void)::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDBUF, &granted, granted_size);
    (void)::getsockopt(socket_.get(), SOL_SOCKET, SO_SNDBUF, &granted, &granted_size);
    constexpr int kernel_overhead = 32; // unix_dgram_sendmsg: a longer one is EMSGSIZE
    largest_ = static_cast<std::size_t>(granted - kernel_overhead);
    return {};
}

error_code datagram_channel::send(int client, byte_view bytes) {
    const auto sent = os::send_with_fd(socket_.get(), bytes, client);
    doubtful_ = !sent;
    if (sent) {
        smallest_ = sent_++ == 0 ? bytes.size() : std::min(smallest_, bytes.size());
        return {};
    }
    // A receiver that was restarted has another socket behind the same path.
    if (!os::is_transient(sent.error()))
        let_go();
    return sent.error();
}

// is_overdue: nobody acknowledges, but the kernel tells how many bytes lie unread (SIOCOUTQ), and so how many
// datagrams at most. It is asked when as many were sent since it was asked last.
bool datagram_channel::is_overdue() {
    const auto unread = static_cast<std::size_t>(os::unsent(socket_.get()));
    sent_ = std::min(sent_, (unread + smallest_ + least_overhead - 1) / (smallest_ + least_overhead));
    return sent_ >= of_->sent.part_of_a_channel() || !of_->sent.has_room();
}

void datagram_channel::let_go() {
    if (socket_ && sent_ > 0)
        of_->sent.leave_behind(std::move(socket_), std::exchange(sent_, 0));
    socket_.reset();
}

// A connected datagram socket is writable while its peer's queue has room (unix(7)).
bool datagram_channel::has_room() const {
    pollfd one{socket_.get(), POLLOUT, 0};
    return ::poll(&one, 1, 0) == 1 && (one.revents & POLLOUT) != 0;
}

bool datagram_channel::is_replaced() const {
    const auto now = os::file_at(path_);
    return now != file_ && now != os::file_id{};
}

} // namespace snipass::server
