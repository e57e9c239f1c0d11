// SPDX-License-Identifier: BSL-1.0
// probe: is a backend there?
#pragma once

#include "snipass/base/bytes.hpp"
#include "snipass/base/ip_address.hpp"
#include "snipass/base/result.hpp"
#include "snipass/net/event_loop.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace snipass::net {

struct probe_question {
    std::optional<ip_endpoint> endpoint; // none: a unix socket
    std::string path;
    std::vector<std::uint8_t> hello; // what must be answered; empty: connecting is enough
    std::uint64_t party = 0;         // who answers there (net/foreign)
};

// probe connects and, if there is a hello, waits for the answer's first bytes: a TLS record, be it a
// handshake message or an alert, which a server that wants another hello sends. No error: it is there.
[[nodiscard]] task<error_code> probe(event_loop& loop, probe_question what, time_point deadline);

// make_probe_hello is a ClientHello that any TLS server answers: TLS 1.2 and 1.3, no key share (a server that
// knows only 1.3 asks for one, and that is an answer). host_name: for server_name; empty: none.
[[nodiscard]] std::vector<std::uint8_t> make_probe_hello(std::string_view host_name);

} // namespace snipass::net
