// SPDX-License-Identifier: BSL-1.0
// percent: text in a query of a URL (RFC 3986, section 2.1).
#pragma once

#include <string>
#include <string_view>

namespace snipass {

// append_encoded writes all but letters, digits and "-._" as "%2F".
void append_encoded(std::string& to, std::string_view text);

// decoded: what is no such thing stays.
[[nodiscard]] std::string decoded(std::string_view text);

} // namespace snipass
