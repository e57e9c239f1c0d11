// SPDX-License-Identifier: BSL-1.0
// What an admin sees in a browser.
#include "snipass/operating/page.hpp"

#include "page_text.hpp"

#include <boost/algorithm/string/replace.hpp>

#include <random>

namespace snipass::server {

http_answer make_page() {
    std::random_device random; // getrandom(2), or the processor's own
    std::string nonce;
    for (int i = 0; i < 4; ++i)
        nonce += std::to_string(random());
    http_answer made{.type = "text/html; charset=utf-8", .body = std::string{page_text}, .nonce = nonce};
    boost::algorithm::replace_all(made.body, "__NONCE__", nonce);
    return made;
}

} // namespace snipass::server
