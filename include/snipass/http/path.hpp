// SPDX-License-Identifier: BSL-1.0
// The normal form of a path, by which routes compare.
#pragma once

#include "snipass/base/result.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace snipass::http {

// normalise_path gives the path (of RFC 3986 section 3.3, from its first '/' on, without a query) in the form
// in which two that mean the same are the same: escapes of unreserved characters are resolved, those of
// others have capital digits (section 6.2.2), and there are no dot segments (section 5.2.4). It lies in
// `path` where that is normal already, else in `scratch`. Of what servers read differently nothing is
// guessed: it is an error. Errors: head_error::path_byte, path_escape, path_separator, path_nul,
// path_above_root.
[[nodiscard]] result<std::string_view> normalise_path(std::string_view path,
                                                      std::vector<std::uint8_t>& scratch);

} // namespace snipass::http
