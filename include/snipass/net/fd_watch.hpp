// fd_watch: waiting for a borrowed descriptor.
#pragma once

#include "snipass/base/result.hpp"
#include "snipass/net/event_loop.hpp"
#include "snipass/os/unique_fd.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <optional>

namespace snipass::net {

using boost::asio::awaitable;

// fd_watch registers a descriptor with the loop while it exists and takes it out again (EPOLL_CTL_DEL) when
// it is destroyed; the descriptor stays its owner's. This is what keeps the trap shut in which a socket that
// was passed on goes on waking this process: the epoll registration belongs to the open file, not to the
// number. One wait at a time.
class fd_watch final : private alarm {
  public:
    fd_watch(event_loop& loop, int fd);
    ~fd_watch();

    // readable and writable return no error once the descriptor is ready (or has failed: the next call on it
    // tells), timed_out at the deadline, or what interrupt() was given.
    [[nodiscard]] awaitable<error_code> readable(time_point deadline);
    [[nodiscard]] awaitable<error_code> writable(time_point deadline);

    // pause waits for time to pass: timed_out at `until`, what interrupt() was given, or no error if the peer
    // is gone (EPOLLERR or EPOLLHUP).
    [[nodiscard]] awaitable<error_code> pause(time_point until);

    // interrupt ends the wait that is under way with `why`; without one it does nothing.
    void interrupt(error_code why);

    // close closes the descriptor, which its owner gives up: for one that nobody else has, the registration
    // goes with it, and a system call is spared. The watch is good for nothing after that.
    void close(os::unique_fd fd);

  private:
    using wait_type = boost::asio::posix::descriptor_base::wait_type;

    awaitable<error_code> wait(wait_type what, time_point deadline);
    void expire() override;

    event_loop& loop_;
    boost::asio::posix::stream_descriptor descriptor_;
    std::optional<error_code> interrupted_;
};

} // namespace snipass::net
