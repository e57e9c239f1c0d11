// SPDX-License-Identifier: BSL-1.0
// refusal: how a connection ends that nobody takes, and one whose backend is an answer.
#pragma once

#include "snipass/config/configuration.hpp"
#include "snipass/context/context.hpp"
#include "snipass/net/task.hpp"
#include "snipass/os/unique_fd.hpp"
#include "snipass/tls/constants.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace snipass::server {

// last_words is what a client is told in its own protocol, where it is told something.
struct last_words {
    std::uint8_t alert = tls::alert::unrecognized_name;
    bool to_head = false;      // the request's method was HEAD
    std::uint16_t status = 0;  // of HTTP
    std::string_view text{};   // a literal; empty: the status in words
    std::string location = {}; // of a redirect
};

// refuse ends a client of `source` as the file says of those whom no route takes.
[[nodiscard]] net::task<> refuse(context& thread, const ip_address& source, os::unique_fd client,
                                 config::policy how, const last_words& words);

// in_http is such words as an HTTP answer.
[[nodiscard]] std::string in_http(const last_words& words);

// answer ends one by an HTTP answer.
[[nodiscard]] net::task<> answer(context& thread, const ip_address& source, os::unique_fd client,
                                 const last_words& words);

// close_in_order: FIN, and a moment in which the client can read what it was sent.
[[nodiscard]] net::task<> close_in_order(context& thread, const ip_address& source, os::unique_fd client);

} // namespace snipass::server
