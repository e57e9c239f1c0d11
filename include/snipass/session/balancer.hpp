// SPDX-License-Identifier: BSL-1.0
// balancer: clients that come through a load balancer, which says in a PROXY header whose they are.
#pragma once

#include "snipass/config/configuration.hpp"
#include "snipass/net/task.hpp"
#include "snipass/session/hearing.hpp"

#include <string>

namespace snipass::server {

// comes_from_balancer: accept_proxy_protocol lists the client's address, so a PROXY header comes first.
[[nodiscard]] bool comes_from_balancer(const unrouted_client& client,
                                       const config::listener_settings& listener);

// take_balancer_header takes the header out of the socket, so that the hello comes first for whoever looks
// next, and notes in the record whom it tells of. Errors: those of hear_on; bad_balancer_header, and the
// record's detail has the reason.
[[nodiscard]] net::task<error_code> take_balancer_header(unrouted_client& client, net::time_point deadline);
extern const error_code bad_balancer_header;

// unexpected_header says what an admin should know of a PROXY header that came where a ClientHello should be.
[[nodiscard]] std::string unexpected_header(const unrouted_client& client,
                                            const config::listener_settings& listener);

} // namespace snipass::server
