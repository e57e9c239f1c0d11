// SPDX-License-Identifier: BSL-1.0
// page_text is page.html, as the build has put it into a source file. Private to operating.
#pragma once

#include <string_view>

namespace snipass::server {

extern const std::string_view page_text;

} // namespace snipass::server
