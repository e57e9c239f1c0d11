// SPDX-License-Identifier: BSL-1.0
// Listeners that keep a client out.
#include "closed_doors.hpp"

#include "snipass/base/quoted.hpp"

namespace snipass::config {

std::string with_closed_doors(const configuration& configuration, const explain_query& query,
                              std::string explained) {
    std::string text;
    bool is_open = false;
    for (const auto& listener : configuration.listeners) {
        const bool is_meant = listener.protocol == query.protocol() &&
                              (query.listener.empty() || listener.address == query.listener);
        if (!is_meant)
            continue;
        const auto why = query.source && listener.admission ? listener.admission->why_denied(*query.source)
                                                            : std::string_view{};
        is_open = is_open || why.empty();
        if (!why.empty())
            text += "listener " + in_quotes(listener.address) + " is closed to " + query.source->to_string() +
                    ": " + std::string{why} + "\n";
    }
    if (text.empty())
        return explained;
    return is_open ? text + "by another listener " + explained
                   : "it is denied, wherever it comes to:\n" + text + "otherwise " + explained;
}

} // namespace snipass::config
