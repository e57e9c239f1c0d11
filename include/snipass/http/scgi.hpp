// SPDX-License-Identifier: BSL-1.0
// A request head in SCGI's form, as a backend is sent it along with the client's socket (docs/handoff.md).
#pragma once

#include "snipass/base/ip_address.hpp"
#include "snipass/http/request_head.hpp"

#include <string>

namespace snipass::http {

// write_scgi gives a netstring of names and values, each with a NUL behind it: CONTENT_LENGTH first, which is
// 0 because no body follows, SCGI, whose it is, the request line, then each field as HTTP_NAME, in its order,
// repeated ones repeated. Left out are Proxy, whose variable others mean something else by, and fields whose
// names have other characters than letters, digits and '-': two names would be one variable.
[[nodiscard]] std::string write_scgi(const request_head& head, const ip_endpoint& client,
                                     const ip_endpoint& server);

} // namespace snipass::http
