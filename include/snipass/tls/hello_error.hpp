// Why bytes were not accepted as a ClientHello. One error a rule, so that a log line can say which rule was broken.
#pragma once

#include "snipass/base/result.hpp"

#include <cstdint>

namespace snipass::tls {

// hello_error names the rule that was broken; message() gives the sentence with its RFC section. `not_tls` stands
// apart: those bytes are no TLS at all. All others are a hello that a TLS stack would refuse ("malformed").
enum class hello_error {
    not_tls = 1,          // the first bytes are no TLS record
    // ... the rules, completed in this file
};

[[nodiscard]] const boost::system::error_category& hello_category() noexcept;
[[nodiscard]] error_code make_error_code(hello_error error) noexcept;

// The TLS alert (RFC 8446 section 6) that a TLS server would answer such a hello with: decode_error,
// illegal_parameter, unexpected_message, record_overflow, ...
[[nodiscard]] std::uint8_t alert_for(hello_error error) noexcept;

} // namespace snipass::tls

template <> struct boost::system::is_error_code_enum<snipass::tls::hello_error> : std::true_type {};
