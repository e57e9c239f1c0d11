// SPDX-License-Identifier: BSL-1.0
// datagram_channel: one worker's connected SOCK_DGRAM socket to a `datagram` backend.
#pragma once

#include "snipass/backends/presence.hpp"
#include "snipass/base/bytes.hpp"
#include "snipass/base/result.hpp"
#include "snipass/os/unique_fd.hpp"
#include "snipass/os/unix_socket.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace snipass::server {

// This protocol gives the backend the client's first bytes in the datagram, so they have to be taken out of
// the socket before it is sent, and cannot be put back. That is why ready() exists: while the last attempt
// failed, the channel is asked first, and a client that would have to wait waits with its bytes still in its
// socket.
class datagram_channel {
  public:
    // owner: whose the receiver's socket must be; none: anybody's.
    datagram_channel(std::string path, std::shared_ptr<presence> of, std::optional<std::uint32_t> owner = {})
        : path_(std::move(path)), of_(std::move(of)), owner_(owner) {}
    ~datagram_channel() { let_go(); }
    datagram_channel(datagram_channel&&) = default;
    datagram_channel& operator=(datagram_channel&&) = delete;

    // ready connects if need be; no error means that a datagram of `size` bytes may be sent now. Errors:
    // EAGAIN, the queue is full; EDQUOT, the receiver leaves too many unread (unanswered); EMSGSIZE, no
    // datagram can have so many; those of connect(2).
    [[nodiscard]] error_code ready(std::size_t size);

    // send passes the descriptor `client` with `bytes`, which were consumed. Errors: EAGAIN, the queue was
    // full after all; those of sendmsg(2). After ECONNREFUSED another receiver may be behind the path:
    // ready() connects again.
    [[nodiscard]] error_code send(int client, byte_view bytes);

  private:
    [[nodiscard]] error_code connect();
    [[nodiscard]] bool has_room() const;
    [[nodiscard]] bool is_overdue();
    void let_go();
    [[nodiscard]] bool is_replaced() const;

    std::string path_;
    std::shared_ptr<presence> of_;
    std::optional<std::uint32_t> owner_;
    os::unique_fd socket_;
    os::file_id file_{};       // of the path, when it was connected
    std::size_t largest_ = 0;  // bytes that one datagram may have
    unsigned full_ = 0;        // how often it was found
    std::size_t sent_ = 0;     // and unread, at most
    std::size_t smallest_ = 0; // of these
    bool doubtful_ = true;     // the last attempt failed
};

} // namespace snipass::server
