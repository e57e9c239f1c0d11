// SPDX-License-Identifier: BSL-1.0
// Handing a client's socket to a backend: the `stream` and `datagram` protocols of docs/handoff.md.
#pragma once

#include "snipass/base/bytes.hpp"
#include "snipass/net/event_loop.hpp"
#include "snipass/net/fd_watch.hpp"
#include "snipass/os/unique_fd.hpp"
#include "snipass/os/unix_socket.hpp"

#include <string>
#include <string_view>

namespace snipass::net {

// handoff_status is what one attempt came to. In every case but `taken` the client is still ours, whole.
enum class handoff_status {
    taken,        // the backend owns the client; our descriptor is closed
    absent,       // no such socket
    refused,      // a socket, but nobody behind it
    backlog_full, // no room in the backlog of its stream socket
    queue_full,   // no room in the queue of its datagram socket
    no_resources, // the kernel is short of memory, descriptors, or room for those in flight
    declined,     // it closed without acknowledging
    silent,       // it did not acknowledge in time, and now no longer can
    failed,       // anything else that the kernel said; the client may have gone
};

// handoff_result: error says more about a status other than taken, where the kernel said it.
struct handoff_result {
    handoff_status status = handoff_status::failed;
    error_code error;
};

// to_status says what an error of connect(2) or sendmsg(2) to a backend means. EAGAIN of connect(2) is its
// backlog.
[[nodiscard]] handoff_status to_status(const error_code& ec) noexcept;

// may_pass_soon: the same attempt may succeed a little later, and no event announces when.
[[nodiscard]] bool may_pass_soon(handoff_status status) noexcept;

// hand_off_stream makes one attempt with the `stream` protocol: connect to `path`, send `header` with the
// client on its first byte, wait for ACK until `deadline`. When that has passed, the client is taken back:
// whatever the backend does from then on, it cannot acknowledge. The arguments are used until the end;
// `client` is closed if taken.
[[nodiscard]] task<handoff_result> hand_off_stream(event_loop& loop, std::string_view path,
                                                   os::unique_fd& client, byte_view header,
                                                   time_point deadline);

// datagram_channel is one worker's connected SOCK_DGRAM socket to a `datagram` backend.
//
// This protocol gives the backend the client's first bytes in the datagram, so they have to be taken out of
// the socket before it is sent, and cannot be put back. That is why has_room() exists: while the last attempt
// failed, the channel is asked first, and a client that would have to wait waits with its bytes still in its
// socket.
class datagram_channel {
  public:
    explicit datagram_channel(std::string path) : path_(std::move(path)) {}

    // ready connects if need be; taken means that a datagram of `size` bytes may be sent now.
    [[nodiscard]] handoff_result ready(std::size_t size);

    // send passes the client with `bytes`, which were consumed. taken: our descriptor is closed.
    [[nodiscard]] handoff_result send(os::unique_fd& client, byte_view bytes);

  private:
    [[nodiscard]] handoff_result connect();
    [[nodiscard]] bool has_room() const;
    [[nodiscard]] bool is_replaced() const;

    std::string path_;
    os::unique_fd socket_;
    os::file_id file_{};      // of the path, when it was connected
    std::size_t largest_ = 0; // bytes that one datagram may have
    unsigned full_ = 0;       // how often it was found
    bool doubtful_ = true;    // the last attempt failed
};

} // namespace snipass::net
