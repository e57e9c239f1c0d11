// SPDX-License-Identifier: BSL-1.0
// What only shows when [tls] and all backends are known.
#include "draft.hpp"
#include "snipass/config/limits.hpp"
#include "snipass/config/written.hpp"

#include <algorithm>

namespace snipass::config {
namespace {

bool is_terminated(const backend_draft& backend) {
    return backend.settings.termination.has_value();
}

bool gets_kernel_tls(const backend_draft& backend) {
    return is_terminated(backend) && backend.settings.termination->plaintext == plaintext_kind::ktls;
}

// check_handoff: snipass-tls has its path for itself.
void check_handoff(const draft& draft, findings& findings) {
    const auto& path = draft.tls->settings.handoff_path;
    const auto shown = in_quotes("unix:" + path);
    if (path.starts_with('@'))
        findings.error(draft.tls->handoff_where,
                       "tls.handoff: " + shown +
                           " is in the abstract namespace, where nothing keeps strangers "
                           "out; write a path such as \"unix:/run/snipass-tls/handoff.sock\"");
    const auto behind = path.size() + farewell_suffix.size();
    if (behind > limits::unix_path && std::ranges::any_of(draft.backends, gets_kernel_tls))
        findings.error(draft.tls->handoff_where,
                       "tls.handoff: " + shown + " has no room for the socket beside it (" +
                           std::string{farewell_suffix} +
                           "), which plaintext = \"ktls\" needs; write a path that is " +
                           std::to_string(behind - limits::unix_path) + " bytes shorter");
    for (const auto& listener : draft.listeners)
        if (listener.settings.handoff_path == path)
            findings.error(listener.where,
                           "listener.address: " + shown +
                               " is where snipass-tls takes clients (tls.handoff); write another path");
    for (const auto& backend : draft.backends) {
        const auto* const handoff = backend.settings.handoff();
        if (handoff && std::ranges::count(handoff->paths, path) > 0)
            findings.error(
                backend.settings.where,
                "backend." + backend.settings.name + ".handoff: " + shown +
                    " is where snipass-tls takes clients (tls.handoff); write the backend's own path, "
                    "and tls = \"terminate\"");
    }
}

} // namespace

void check_termination(const draft& draft, findings& findings) {
    const auto first = std::ranges::find_if(draft.backends, is_terminated);
    if (!draft.tls) {
        if (first != draft.backends.end())
            findings.error(first->settings.termination->where,
                           "backend." + first->settings.name +
                               ".tls: there is no [tls]; write one, with certificates = "
                               "[\"/etc/snipass/live/*\"]");
        return;
    }
    check_handoff(draft, findings);
    if (first == draft.backends.end() && !draft.backends.empty())
        findings.warning(draft.tls->settings.where,
                         "tls: no backend has tls = \"terminate\", so nobody comes here; "
                         "write it into one, or leave [tls] out");
}

} // namespace snipass::config
