// SPDX-License-Identifier: BSL-1.0
// part: one file is several programs' (docs/tls.md); each has its part of it.
#pragma once

#include "snipass/config/configuration.hpp"

#include <optional>

namespace snipass::config {

enum class part {
    whole,  // what the file says: for check and explain
    router, // clients of a backend whose TLS ends in snipass-tls are handed to that
    tls,    // snipass-tls: those clients come, and what they say in clear goes to the backend
    ech,    // snipass-ech: [ech]
};

// keep makes of a whole configuration the part of one program. Indexes of routes and backends stay, so both
// programs decide alike.
void keep(configuration& configuration, part which);

// hold_of_router is how long the router holds this backend's clients: where TLS ends in snipass-tls, for as
// long as a restart of that may take, too, unless the file knows of somebody else who would have them
// meanwhile.
[[nodiscard]] milliseconds hold_of_router(const configuration& configuration,
                                          const backend_settings& backend);

// first_terminated is `from`, or the first backend behind it (sorry) that gets what its clients say in clear.
// None: all of them do TLS themselves.
[[nodiscard]] std::optional<std::size_t> first_terminated(const configuration& configuration,
                                                          std::optional<std::size_t> from);

} // namespace snipass::config
