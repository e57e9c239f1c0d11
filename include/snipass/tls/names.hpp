// SPDX-License-Identifier: BSL-1.0
// Readable names for the numbers in a ClientHello, for `snipass explain` and the log.
#pragma once

#include <cstdint>
#include <string>

namespace snipass::tls {

// Each gives the name that the RFC or IANA's registry has, "GREASE 0x1a1a" for a GREASE value (RFC 8701), and
// "0x1234" for a number that snipass has no name for.
[[nodiscard]] std::string version_name(std::uint16_t version);
[[nodiscard]] std::string group_name(std::uint16_t group);
[[nodiscard]] std::string signature_scheme_name(std::uint16_t scheme);
[[nodiscard]] std::string extension_name(std::uint16_t type);
[[nodiscard]] std::string cipher_suite_name(std::uint16_t suite);
[[nodiscard]] std::string alert_name(std::uint8_t alert); // of the alerts that snipass sends

} // namespace snipass::tls
