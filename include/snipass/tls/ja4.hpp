// SPDX-License-Identifier: BSL-1.0
// JA4: a fingerprint of the client software, from what its ClientHello offers.
#pragma once

#include "snipass/tls/client_hello.hpp"

#include <string>

namespace snipass::tls {

// ja4 is FoxIO's JA4 (technical_details/JA4.md in their repository, BSD licence): 36 characters such as
// "t13d1516h2_8daaf6152771_e5627efa2ab1". It hashes twice and sorts: some microseconds, so it is made where
// it is shown.
[[nodiscard]] std::string ja4(const client_hello& hello);

} // namespace snipass::tls
