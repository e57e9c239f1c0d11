// SPDX-License-Identifier: BSL-1.0
// coverage: certificates and routes, held against each other.
#pragma once

#include "snipass/certificates/certificate.hpp"
#include "snipass/config/parse.hpp"

#include <vector>

namespace snipass::certificates {

// coverage names what clients would meet: a name of a route for which there is no certificate; a certificate
// of whose names none leads to a backend whose TLS ends here; a `default` that no certificate has (an error);
// and the second certificate of one kind for one name. `configuration` has [tls], and is whole or
// snipass-tls's part.
[[nodiscard]] std::vector<config::diagnostic> coverage(const std::vector<certificate>& all,
                                                       const config::configuration& configuration);

} // namespace snipass::certificates
