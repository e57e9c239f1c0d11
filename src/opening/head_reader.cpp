// SPDX-License-Identifier: BSL-1.0
// An opening that is the head of an HTTP/1 request.
#include "snipass/opening/head_reader.hpp"

#include "snipass/http/head_error.hpp"
#include "snipass/proxy_protocol/read.hpp"

namespace snipass::opening {
namespace {

using http::head_error;

refusal kind_of(head_error rule) noexcept {
    switch (rule) {
    case head_error::not_http:
        return refusal::not_http;
    case head_error::tls_record:
        return refusal::tls_for_http;
    case head_error::http2_preface:
        return refusal::http2;
    default:
        return refusal::malformed;
    }
}

refused refuse(const error_code& problem, byte_view stream) {
    const auto rule = static_cast<head_error>(problem.value());
    const auto status = http::status_for(rule);
    if (proxy_protocol::begins_with_header(stream))
        return {refusal::proxy_header, "a PROXY header where a request should be", 0, status};
    return {kind_of(rule), problem.message(), 0, status};
}

} // namespace

answer head_reader::read(byte_view stream, std::vector<std::uint8_t>& scratch) {
    const auto needed = scanner_.advance(stream);
    if (!needed)
        return refuse(needed.error(), stream);
    if (*needed > stream.size())
        return need{*needed, head_max_};
    const auto head = http::parse_request_head(stream.first(*needed), scratch);
    if (!head)
        return refuse(head.error(), stream);
    question asked{*needed, std::nullopt, {}, *head};
    if (!head->host.empty())
        asked.name = head->host;
    return asked;
}

} // namespace snipass::opening
