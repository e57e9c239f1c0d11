// SPDX-License-Identifier: BSL-1.0
// A ClientHello in words, for `snipass explain --hello`.
#pragma once

#include "snipass/tls/client_hello.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace snipass::tls {

struct described_field {
    std::string_view label; // "server_name"
    std::string value;      // "\"www.example.com\""; printable ASCII, whatever the client sent
};

// describe gives each field of the hello, in the order of the message; what the client did not send is
// "none". The last one is JA4.
[[nodiscard]] std::vector<described_field> describe(const client_hello& hello);

// captured_stream is the bytes in a file that holds a captured hello: hexadecimal, with white space and lines
// that begin with '#' left out, if that is all that it is; else the file as it is.
[[nodiscard]] std::vector<std::uint8_t> captured_stream(std::string_view file_content);

} // namespace snipass::tls
