// SPDX-License-Identifier: BSL-1.0
// The PROXY protocol header of a load balancer.
#include "snipass/opening/balancer_reader.hpp"

#include "snipass/proxy_protocol/read.hpp"

#include <utility>

namespace snipass::opening {

answer balancer_reader::read(byte_view stream, std::vector<std::uint8_t>& /*scratch*/) {
    auto header = proxy_protocol::read(stream);
    if (const auto* const part = std::get_if<proxy_protocol::partial>(&header))
        return need{part->needed};
    if (auto* const no = std::get_if<proxy_protocol::refused>(&header))
        return refused{refusal::balancer, std::move(no->why)};
    const auto& whole = std::get<proxy_protocol::header>(header);
    return step{.consume = whole.size, .is_last = true, .about = whole.about};
}

} // namespace snipass::opening
