// SPDX-License-Identifier: BSL-1.0
// Listeners that keep a client out.
#include "closed_doors.hpp"

#include "snipass/base/quoted.hpp"

namespace snipass::config {

std::string closed_doors(const configuration& configuration, const explain_query& query) {
    std::string text;
    for (const auto& listener : configuration.listeners) {
        const bool is_meant = listener.protocol == query.protocol() &&
                              (query.listener.empty() || listener.address == query.listener);
        if (!is_meant || !listener.admission || !query.source)
            continue;
        if (const auto why = listener.admission->why_denied(*query.source); !why.empty())
            text += "  but listener " + in_quotes(listener.address) + " is closed to " +
                    query.source->to_string() + ": " + std::string{why} + "\n";
    }
    return text;
}

} // namespace snipass::config
