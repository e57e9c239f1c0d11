// SPDX-License-Identifier: BSL-1.0
// TCP sockets as a test sees them: the client's end, and both ends of one connection.
#pragma once

#include "snipass/base/bytes.hpp"
#include "snipass/base/ip_address.hpp"
#include "snipass/os/unique_fd.hpp"

#include <sys/socket.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace snipass::testing {

// patience is how long a test waits for what must come. No test asserts how long anything took.
inline constexpr std::chrono::seconds patience{30};

// is_readable waits for bytes, a connection or an end on `fd`; false if nothing came in time.
[[nodiscard]] bool is_readable(int fd, std::chrono::milliseconds limit = patience);

// option_of is getsockopt(2) for an int.
[[nodiscard]] int option_of(int fd, int level, int name);

// unread is how many bytes lie in the socket.
[[nodiscard]] std::size_t unread(int fd);
void wait_until_unread(int fd, std::size_t n);

// How a connection ended, as the one who reads it hears it.
enum class ending {
    fin,
    reset,
};

// tcp_client is a blocking TCP socket. Everything that does not come out as expected is an exception: a test
// has nothing to decide about it.
class tcp_client {
  public:
    // source: an address of this machine's that it comes from.
    explicit tcp_client(const ip_endpoint& server, const std::optional<ip_address>& source = std::nullopt);
    explicit tcp_client(os::unique_fd connected);

    [[nodiscard]] int fd() const noexcept { return fd_.get(); }
    [[nodiscard]] os::unique_fd take() noexcept { return std::move(fd_); }
    [[nodiscard]] ip_endpoint local() const;

    void send(byte_view bytes) const;
    void send(std::string_view text) const { send(as_bytes(text)); }
    // send_segment waits until what is sent has been acknowledged, so that it was a segment of its own.
    void send_segment(byte_view bytes) const;
    void send_urgent(std::uint8_t byte) const; // MSG_OOB
    void finish() const;                       // FIN
    void reset();                              // RST
    void close() { fd_.reset(); }

    [[nodiscard]] std::string receive(std::size_t n) const; // exactly n bytes
    // read_to_end appends what comes before the end to `heard`.
    [[nodiscard]] ending read_to_end(std::string& heard) const;
    [[nodiscard]] ending read_to_end() const;

  private:
    os::unique_fd fd_;
};

// A listening socket as plain as can be: nothing of ours is in it.
[[nodiscard]] os::unique_fd plain_listener(const std::string& address = "127.0.0.1", int backlog = 16);
[[nodiscard]] ip_endpoint bound_to(int fd);
// accept_plain waits for a connection; the socket it returns does not block.
[[nodiscard]] os::unique_fd accept_plain(int listener);

// tcp_connection is one connection: the client, and the socket that a router would have accepted.
struct tcp_connection {
    tcp_connection() : tcp_connection("127.0.0.1") {}
    explicit tcp_connection(const std::string& address);

    os::unique_fd listener;
    tcp_client client;
    os::unique_fd accepted; // non-blocking
};

} // namespace snipass::testing
