// SPDX-License-Identifier: BSL-1.0
// The PROXY header in front of a client's own bytes, where one is expected and where none is.
#include "snipass/session/balancer.hpp"

#include "snipass/base/quoted.hpp"
#include "snipass/opening/balancer_reader.hpp"
#include "snipass/os/error.hpp"

#include <algorithm>
#include <utility>
#include <variant>

namespace snipass::server {

const error_code bad_balancer_header = os::make_error(EBADMSG);

bool comes_from_balancer(const unrouted_client& client, const config::listener_settings& listener) {
    return std::ranges::any_of(listener.accept_proxy_protocol, [&](const ip_prefix& balancers) {
        return balancers.contains(client.about.client.address);
    });
}

net::task<error_code> take_balancer_header(unrouted_client& client, net::time_point deadline) {
    opening::balancer_reader reader;
    auto problem = hear_now(client, reader);
    if (os::would_block(problem))
        problem = co_await hear_on(client, reader, deadline);
    client.about.hello_bytes = 0; // none of them was a hello's
    if (problem)
        co_return problem;
    if (auto* const refused = std::get_if<opening::refused>(&client.thread.heard)) {
        client.about.detail = std::move(refused->why);
        co_return bad_balancer_header;
    }
    client.about.via = client.about.client;
    if (const auto& header = std::get<opening::step>(client.thread.heard); header.about) {
        client.about.client = header.about->source;
        client.about.local = header.about->destination;
    }
    co_return problem;
}

std::string unexpected_header(const unrouted_client& client, const config::listener_settings& listener) {
    if (client.about.via)
        return "a second PROXY header";
    if (listener.is_for_handoffs())
        return "a PROXY header, which the router in front has left there";
    const auto from = client.about.client.address.to_string();
    const auto how = listener.accept_proxy_protocol.empty()
                         ? "write accept_proxy_protocol = [" + in_quotes(from) + "]"
                         : "add " + in_quotes(from) + " to its accept_proxy_protocol";
    return "a PROXY header from " + from + "; if that is a load balancer in front of listener " +
           in_quotes(listener.address) + ", " + how;
}

} // namespace snipass::server
