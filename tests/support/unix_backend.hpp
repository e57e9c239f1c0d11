// SPDX-License-Identifier: BSL-1.0
// Backends that take clients over unix sockets, in the hands of a test: each step is a call.
#pragma once

#include "hello_builder.hpp"
#include "snipass/os/unique_fd.hpp"

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <vector>

namespace snipass::testing {

inline constexpr std::uint8_t ack = 0x06;

// abstract_name is a name in the abstract namespace that nobody else has, as a configuration writes it.
[[nodiscard]] std::string abstract_name();

// listen_unix binds `path`; SOCK_STREAM sockets listen with `backlog`. Nothing blocks.
[[nodiscard]] os::unique_fd listen_unix(const std::string& path, int type, int backlog = 64);

// One recvmsg(2): the bytes, and every descriptor that came.
struct unix_message {
    bytes data;
    std::vector<os::unique_fd> fds;
    bool ended = false; // end of file
};
[[nodiscard]] unix_message receive_unix(int socket);

// stream_backend is a listening receiver of the `stream` protocol.
class stream_backend {
  public:
    explicit stream_backend(std::string path = abstract_name(), int backlog = 64)
        : path_(std::move(path)), listener_(listen_unix(path_, SOCK_STREAM, backlog)) {}

    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    [[nodiscard]] int fd() const noexcept { return listener_.get(); }
    void close() { listener_.reset(); }

    // A client on its way: header and descriptor have come, ACK has not been sent.
    struct offer {
        os::unique_fd connection;
        bytes header;
        os::unique_fd client;

        // answer sends one byte; 0 or errno.
        [[nodiscard]] int answer(std::uint8_t byte = ack) const;
        // wait_for_end reads the connection's end of file, after which nobody else has the client.
        void wait_for_end() const;
    };
    // receive waits for the next one.
    [[nodiscard]] offer receive() const;
    // take is the whole protocol: the client, once it is only ours.
    [[nodiscard]] os::unique_fd take() const;

  private:
    std::string path_;
    os::unique_fd listener_;
};

// datagram_backend is a receiver of the `datagram` protocol.
class datagram_backend {
  public:
    explicit datagram_backend(std::string path = abstract_name())
        : path_(std::move(path)), socket_(listen_unix(path_, SOCK_DGRAM)) {}

    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    [[nodiscard]] int fd() const noexcept { return socket_.get(); }
    void close() { socket_.reset(); }

    struct taken {
        bytes first;
        os::unique_fd client;
    };
    [[nodiscard]] taken receive() const;

  private:
    std::string path_;
    os::unique_fd socket_;
};

// fill_queue puts datagrams into a receiver's queue until there is no room. It returns their number.
std::size_t fill_queue(const std::string& path);

// fill_backlog connects to a listener until its backlog is full; the connections are what fills it.
[[nodiscard]] std::vector<os::unique_fd> fill_backlog(const std::string& path);

} // namespace snipass::testing
