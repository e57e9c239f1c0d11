// SPDX-License-Identifier: BSL-1.0
// client_socket: a client's socket while it is ours.
#pragma once

#include "snipass/os/client_options.hpp"
#include "snipass/os/tcp.hpp"
#include "snipass/os/unique_fd.hpp"

#include <utility>

namespace snipass::server {

// client_socket owns a client that nobody has taken and nobody has answered. Whoever decides about it takes
// the descriptor out, or closes it. If it is destroyed with the client in it, as at a stop, the client gets
// RST, because nobody is to take silence for an answer. Of a socket that another process may have, only our
// copy is ours to close.
class client_socket {
  public:
    client_socket() = default;
    explicit client_socket(os::unique_fd fd, bool is_shared = false) noexcept
        : fd_(std::move(fd)), is_shared_(is_shared) {}
    client_socket(client_socket&&) noexcept = default;
    client_socket& operator=(client_socket&&) noexcept = default;
    ~client_socket() {
        if (fd_ && !is_shared_)
            os::close_with_reset(std::move(fd_));
    }

    [[nodiscard]] int get() const noexcept { return fd_.get(); }
    [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(fd_); }

    [[nodiscard]] os::unique_fd release() noexcept { return std::move(fd_); }
    void close() noexcept { fd_.reset(); } // by FIN, or by RST where bytes are unread

    // is_shared: another process has, or had, a copy.
    [[nodiscard]] bool is_shared() const noexcept { return is_shared_; }
    void share() noexcept { is_shared_ = was_offered_ = true; }
    [[nodiscard]] bool was_offered() const noexcept { return was_offered_; }

    // take_out removes up to n bytes from it. One that another process had may be one on which the kernel
    // speaks TLS.
    [[nodiscard]] result<std::size_t> take_out(std::size_t n) const {
        return is_shared_ ? os::read_away(fd_.get(), n) : os::discard(fd_.get(), n);
    }

    // restore puts back what a backend that was offered the client, and did not take it, may have changed.
    void restore() const {
        if (fd_ && was_offered_)
            os::restore_client(fd_.get());
    }

  private:
    os::unique_fd fd_;
    bool is_shared_ = false;
    bool was_offered_ = false;
};

} // namespace snipass::server
