// SPDX-License-Identifier: BSL-1.0
// client_hello_assembler: finds the end of a ClientHello in a TCP stream that is only peeked at.
#pragma once

#include "snipass/base/bytes.hpp"
#include "snipass/base/result.hpp"
#include "snipass/tls/broken_rule.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace snipass::tls {

// client_hello_assembler walks TLS record headers (RFC 8446 section 5.1) until the handshake message that
// starts in the first record is complete. It is given the stream from its first byte each time, keeps nothing
// but positions (40 bytes), and looks at no byte but those of the record headers and the handshake header, at
// each once, however the bytes trickle in: a waiting session costs no buffer.
//
// It refuses at once, not when the message is complete, whatever no later byte can mend: no TLS, another
// record or handshake type, an empty record, a record over 2^14 bytes, a message over hello_max or too short
// to be a ClientHello, a record that holds more than the message. After an error it answers the same error
// again.
class client_hello_assembler {
  public:
    // hello_max: the largest handshake message accepted, header included, in bytes.
    explicit client_hello_assembler(std::size_t hello_max) noexcept : hello_max_(hello_max) {}

    // advance looks at what is new in `stream`, the bytes received so far from the first on; it never shrinks
    // between calls. Returns how many bytes the stream must have before calling again makes sense: at most
    // stream.size() means that the hello is complete and that many bytes long, records included.
    //
    // The number serves as SO_RCVLOWAT. It is the end of the next header while a header may still prove that
    // this is no ClientHello (1, 2, 5, 9 bytes), so that what is refused is refused at once; from then on the
    // largest that is certain, so that the waits are few: what is missing of the message, and the fewest
    // record headers that can carry it. A hello in 1-byte records needs about 60 waits, not 65,000.
    [[nodiscard]] result<std::size_t> advance(byte_view stream) noexcept;

    // message is the complete handshake message, header included, after advance() said so. It lies in
    // `stream` where the hello came in one record, else it is gathered into `scratch`.
    [[nodiscard]] byte_view message(byte_view stream, std::vector<std::uint8_t>& scratch) const;

    // stream_size is the hello's size in the stream, record headers included, once complete.
    [[nodiscard]] std::size_t stream_size() const noexcept { return cursor_; }

    // How many stream bytes advance() has looked at since construction: for the test that it is linear.
    [[nodiscard]] std::size_t bytes_examined() const noexcept { return bytes_examined_; }

  private:
    [[nodiscard]] bool message_is_sized() const noexcept;
    [[nodiscard]] bool message_is_found() const noexcept;
    [[nodiscard]] broken_rule read_record_header(byte_view stream) noexcept;
    [[nodiscard]] broken_rule read_handshake_header(byte_view stream) noexcept;
    [[nodiscard]] broken_rule read_message_size(std::uint8_t byte) noexcept;
    [[nodiscard]] broken_rule enter_fragment(std::size_t size) noexcept;
    void skip_fragment() noexcept;
    [[nodiscard]] std::size_t needed() const noexcept;

    std::size_t hello_max_;
    std::size_t cursor_ = 0; // the next byte of the stream to look at; it may lie beyond what has come
    std::size_t bytes_examined_ = 0;
    // Of the message, header included, and how much of it lies before cursor_. Until message_is_sized() the
    // former holds the length bytes so far.
    std::uint32_t message_size_ = 0;
    std::uint32_t message_seen_ = 0;
    // Of the record from cursor_ on, and of its header before cursor_ (0 to 5). While in a header the former
    // holds the length byte so far.
    std::uint16_t fragment_left_ = 0;
    std::uint8_t header_seen_ = 0;
};

} // namespace snipass::tls
