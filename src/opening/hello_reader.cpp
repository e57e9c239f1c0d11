// SPDX-License-Identifier: BSL-1.0
// An opening that is a ClientHello.
#include "snipass/opening/hello_reader.hpp"

#include "snipass/proxy_protocol/read.hpp"
#include "snipass/tls/hello_error.hpp"

namespace snipass::opening {
namespace {

refused refuse(const error_code& problem, byte_view stream) {
    const auto rule = static_cast<tls::hello_error>(problem.value());
    if (rule != tls::hello_error::not_tls)
        return {refusal::malformed, problem.message(), tls::alert_for(rule)};
    if (proxy_protocol::begins_with_header(stream))
        return {refusal::proxy_header, "a PROXY header where a ClientHello should be", tls::alert_for(rule)};
    return {refusal::not_tls, problem.message(), tls::alert_for(rule)};
}

} // namespace

answer hello_reader::read(byte_view stream, std::vector<std::uint8_t>& scratch) {
    const auto needed = assembler_.advance(stream);
    if (!needed)
        return refuse(needed.error(), stream);
    if (*needed > stream.size())
        return need{*needed};
    const auto hello = tls::parse_client_hello(assembler_.message(stream, scratch));
    if (!hello)
        return refuse(hello.error(), stream);
    return question{*needed, hello->server_name, hello->alpn, *hello};
}

} // namespace snipass::opening
