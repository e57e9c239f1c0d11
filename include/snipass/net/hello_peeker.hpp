// SPDX-License-Identifier: BSL-1.0
// hello_peeker: looks at a client's ClientHello in its socket, and leaves it there.
#pragma once

#include "snipass/base/bytes.hpp"
#include "snipass/base/result.hpp"
#include "snipass/tls/client_hello_assembler.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace snipass::net {

// peek_buffer is the memory that peeks copy to, one for each thread: between two waits a session re-reads its
// hello, so that a waiting session needs none of its own. It grows to the largest hello seen and is never
// initialised.
class peek_buffer {
  public:
    // The first n bytes of the buffer. What was there before belongs to nobody from now on: it is lost when
    // the buffer has to grow.
    [[nodiscard]] std::span<std::uint8_t> first(std::size_t n);

    std::vector<std::uint8_t> gathered; // a hello that came in several records
    const void* holder = nullptr;       // the peeker that looked last

  private:
    std::unique_ptr<std::uint8_t[]> bytes_;
    std::size_t size_ = 0;
};

enum class hello_state {
    complete,
    partial, // more bytes are needed
};

// hello_peeker is given a socket for one call at a time and keeps only positions.
class hello_peeker {
  public:
    // hello_max: the largest ClientHello accepted, in bytes.
    explicit hello_peeker(std::size_t hello_max) noexcept : assembler_(hello_max) {}

    // look peeks at what has arrived. complete: message() and bytes() are valid until `buffer` is used again.
    // partial: nothing more can be known until needed() bytes are in the socket. Errors: tls::hello_error;
    // end_of_file if the client closed before it sent anything; what recv(2) says. `before`, the same each
    // time, is what was read of the client already: it comes before what is in the socket, in all that is
    // said below.
    [[nodiscard]] result<hello_state> look(int fd, peek_buffer& buffer, byte_view before = {});

    // is_current: what the last look found is still in `buffer`.
    [[nodiscard]] bool is_current(const peek_buffer& buffer) const noexcept { return buffer.holder == this; }

    // needed is how many bytes must be there before another look makes sense.
    [[nodiscard]] std::size_t needed() const noexcept { return needed_; }

    // bytes is all that was peeked: the hello, and what came with it.
    [[nodiscard]] byte_view bytes() const noexcept { return bytes_; }

    // first_bytes is what a receiver is given that cannot look into the socket: the records of the hello, and
    // no byte more. Of what is no hello, as much as every such receiver has room for.
    [[nodiscard]] byte_view first_bytes() const noexcept;

    // message is the ClientHello as one handshake message.
    [[nodiscard]] byte_view message(peek_buffer& buffer) const {
        return assembler_.message(bytes_, buffer.gathered);
    }

    // hello_size is the hello's size in the stream, with its record headers.
    [[nodiscard]] std::size_t hello_size() const noexcept { return assembler_.stream_size(); }

  private:
    tls::client_hello_assembler assembler_;
    std::size_t needed_ = 1;
    byte_view bytes_;
    bool is_complete_ = false;
};

} // namespace snipass::net
