// client_hello_assembler: finds the end of a ClientHello in a TCP stream that is only peeked at.
#pragma once

#include "snipass/base/bytes.hpp"
#include "snipass/base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace snipass::tls {

// client_hello_assembler walks TLS record headers (RFC 8446 section 5.1) until the handshake message that starts in the
// first record is complete. It is given the stream from its first byte each time, keeps nothing but positions (a few
// dozen bytes), and looks at each byte once however the bytes trickle in: a waiting session costs no buffer.
//
// It refuses at once, not when the message is complete, whatever no later byte can mend: no TLS, another record
// or handshake type, an empty record, a record over 2^14 bytes, a message over hello_max.
class client_hello_assembler {
  public:
    // hello_max: the largest handshake message accepted, header included, in bytes.
    explicit client_hello_assembler(std::size_t hello_max) noexcept : hello_max_(hello_max) {}

    // advance looks at what is new in `stream`, the bytes received so far from the first on; it never shrinks between
    // calls. Returns how many bytes the stream must have before calling again makes sense: at most stream.size()
    // means that the hello is complete and that many bytes long, records included. The number is the largest
    // that is certain, so that the waits are few (it serves as SO_RCVLOWAT).
    [[nodiscard]] result<std::size_t> advance(byte_view stream);

    // message is the complete handshake message, header included, after advance() said so. It lies in `stream` where the
    // hello came in one record, else it is gathered into `scratch`.
    [[nodiscard]] byte_view message(byte_view stream, std::vector<std::uint8_t>& scratch) const;

    // stream_size is the hello's size in the stream, record headers included, once complete.
    [[nodiscard]] std::size_t stream_size() const noexcept;

    // How many stream bytes advance() has looked at since construction: for the test that it is linear.
    [[nodiscard]] std::size_t bytes_examined() const noexcept;

  private:
    std::size_t hello_max_;
    // ... positions
};

} // namespace snipass::tls
