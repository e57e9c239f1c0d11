// SPDX-License-Identifier: BSL-1.0
#include "beast.hpp"

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>

#include <limits>

namespace snipass::testing {

judged_head ask_beast(byte_view stream) {
    namespace http = boost::beast::http;
    http::request_parser<http::empty_body> parser;
    parser.header_limit(std::numeric_limits<std::uint32_t>::max());
    parser.body_limit(boost::none);
    boost::beast::error_code ec;
    (void)parser.put(boost::asio::buffer(stream.data(), stream.size()), ec);
    if (ec && ec != http::error::need_more)
        return {};
    if (!parser.is_header_done())
        return {.kind = head_verdict::waits};
    const auto& read = parser.get();
    const auto method = read.method_string();
    const auto target = read.target();
    judged_head head{head_verdict::head, {method.data(), method.size()}, {target.data(), target.size()}, {}};
    const auto [first, last] = read.equal_range(http::field::host);
    for (auto it = first; it != last; ++it)
        head.hosts.emplace_back(it->value().data(), it->value().size());
    return head;
}

} // namespace snipass::testing
