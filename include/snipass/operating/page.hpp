// SPDX-License-Identifier: BSL-1.0
// page: what an admin sees in a browser.
#pragma once

#include "snipass/operating/http.hpp"

namespace snipass::server {

// make_page is the whole page, which asks for /status.json from then on. Its script and style have a number
// that nobody can guess, and no other script runs in it (Content-Security-Policy).
[[nodiscard]] http_answer make_page();

} // namespace snipass::server
