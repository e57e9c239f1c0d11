// SPDX-License-Identifier: BSL-1.0
// reader: who reads what a client says before it can be routed, and what can be answered.
#pragma once

#include "snipass/base/alpn_list.hpp"
#include "snipass/base/bytes.hpp"
#include "snipass/http/request_head.hpp"
#include "snipass/proxy_protocol/header.hpp"
#include "snipass/tls/client_hello.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace snipass::opening {

// Nothing more can be known before so many bytes have come, counted from the reader's first one.
// Of what has come besides, the reader has a use for so much at most, where it cannot tell how much is
// missing.
struct need {
    std::size_t bytes;
    std::size_t at_most = 0;
};

// A part is understood: `consume` is to be taken out of the stream, then `say` is for the client. The reader
// is asked again with what lies behind, unless it is the last step: then the next reader begins there.
struct step {
    std::size_t consume = 0;
    std::string_view say{}; // lives as long as the program
    bool is_last = false;
    std::optional<proxy_protocol::addresses> about{}; // of a balancer's header: whose stream this is
};

// What the client asks for. Its views lie in the bytes that were read, or in the reader's scratch.
struct question {
    std::size_t size = 0;                 // of the opening, which lies in the stream still
    std::optional<std::string_view> name; // as it was sent
    alpn_list alpn;
    std::variant<tls::client_hello, http::request_head> what;

    // Each is null where the opening is of another kind.
    [[nodiscard]] const tls::client_hello* hello() const noexcept {
        return std::get_if<tls::client_hello>(&what);
    }
    [[nodiscard]] const http::request_head* head() const noexcept {
        return std::get_if<http::request_head>(&what);
    }
};

enum class refusal : std::uint8_t {
    not_tls,
    malformed,    // TLS or HTTP, but nothing that a TLS stack would accept, or that all servers read alike
    proxy_header, // a PROXY header where none is expected
    balancer,     // a balancer that did not begin with a good PROXY header
    not_http,     // neither of the following, either
    http2,        // HTTP/2 with prior knowledge, where HTTP/1 is spoken
    tls_for_http, // TLS, where HTTP is spoken
};

// It never can be an opening, whatever follows.
struct refused {
    refusal as;
    std::string why;          // one sentence, printable
    std::uint8_t alert = 0;   // what a client of TLS can be told (RFC 8446 section 6)
    std::uint16_t status = 0; // what a client of HTTP can be told (RFC 9110 section 15)
};

using answer = std::variant<need, step, question, refused>;

// reader is given the stream from its first byte on each time; that never shrinks, nor changes. It keeps
// positions, not bytes, so that a client that waits costs little. It does no I/O: `snipass explain` asks the
// reader of hellos that a session asks. A new kind of opening is a reader of its own.
class reader {
  public:
    // read puts what does not lie together in the stream into `scratch`.
    [[nodiscard]] virtual answer read(byte_view stream, std::vector<std::uint8_t>& scratch) = 0;

  protected:
    ~reader() = default;
};

} // namespace snipass::opening
