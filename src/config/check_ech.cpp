// SPDX-License-Identifier: BSL-1.0
// What only shows when [ech] and all backends are known.
#include "draft.hpp"
#include "snipass/base/public_address.hpp"
#include "snipass/config/written.hpp"

#include <algorithm>

namespace snipass::config {
namespace {

bool takes_opened(const backend_draft& backend) {
    return backend.settings.ech != ech_mode::none;
}

// why_not is why such a backend cannot serve a client whose hello was opened; empty: it can.
std::string_view why_not(const backend_settings& backend) {
    if (backend.termination)
        return "its TLS ends in snipass-tls, which has no keys of ECH; leave it out";
    if (backend.forward() != nullptr)
        return "a host that the client chooses has none of these keys; leave it out";
    if (backend.takes_requests())
        return "protocol = \"scgi\" is for requests in clear; leave it out";
    const auto* const handoff = backend.handoff();
    if (backend.ech == ech_mode::carried && handoff != nullptr &&
        handoff->protocol == handoff_protocol::datagram)
        return "\"carried\" needs a header, which protocol = \"datagram\" has not; write \"own_keys\" if it "
               "has the "
               "keys, or protocol = \"stream\"";
    return {};
}

bool is_far(const proxy_address& address) {
    const auto ip = ip_address::parse(address.host);
    return address.path.empty() && (!ip || is_public(*ip));
}

// warn_of_authority: the header in front of the hello has the name in clear.
void warn_of_authority(const backend_settings& backend, findings& findings) {
    const auto* const relay = backend.relay();
    if (relay == nullptr || relay->header != proxy_protocol::v2 ||
        std::ranges::none_of(relay->addresses, is_far))
        return;
    findings.warning(
        backend.ech_where,
        "backend." + backend.name +
            ".ech: proxy_protocol = \"v2\" sends the name that was encrypted in clear, to an address "
            "that may not be on your own network; write \"v1\" or \"none\"");
}

// warn_of_inner_hello: the router sends it as it is.
void warn_of_inner_hello(const backend_settings& backend, findings& findings) {
    const auto* const relay = backend.relay();
    if (backend.ech != ech_mode::carried || relay == nullptr ||
        std::ranges::none_of(relay->addresses, is_far))
        return;
    findings.warning(
        backend.ech_where,
        "backend." + backend.name +
            ".ech: \"carried\" sends the hello that was encrypted in clear, to an address that may not be on "
            "your own network; write \"own_keys\" if the backend has the keys");
}

void check_backend(const backend_draft& one, const draft& draft, findings& findings) {
    const auto& backend = one.settings;
    const auto title = "backend." + backend.name;
    if (const auto why = why_not(backend); !why.empty())
        findings.error(backend.ech_where, title + ".ech: " + std::string{why});
    warn_of_authority(backend, findings);
    warn_of_inner_hello(backend, findings);
    if (!one.sorry)
        return;
    const auto sorry = std::ranges::find(draft.backends, one.sorry->name,
                                         [](const backend_draft& other) { return other.settings.name; });
    if (sorry != draft.backends.end() && !takes_opened(*sorry) && sorry->settings.redirect() == nullptr)
        findings.warning(one.sorry->where,
                         title + ".sorry: " + in_quotes(one.sorry->name) +
                             " has no ech, so it cannot serve clients whose hello was opened for " +
                             in_quotes(backend.name) + "; write ech = \"own_keys\" there if it has the keys");
}

} // namespace

void check_ech(const draft& draft, findings& findings) {
    const auto first = std::ranges::find_if(draft.backends, takes_opened);
    if (!draft.ech) {
        if (first != draft.backends.end())
            findings.error(first->settings.ech_where,
                           "backend." + first->settings.name +
                               ".ech: there is no [ech]; write one, with keys = \"/etc/snipass/ech.d\"");
        return;
    }
    if (draft.ech->helper_path.starts_with('@'))
        findings.error(
            draft.ech->helper_where,
            "ech.helper: " + in_quotes("unix:" + draft.ech->helper_path) +
                " is in the abstract namespace, where anybody may take its place; write a path such "
                "as \"unix:/run/snipass-ech/open.sock\"");
    if (first == draft.backends.end() && !draft.backends.empty())
        findings.warning(
            draft.ech->where,
            "ech: no backend has an ech, so no hello is opened; write ech = "
            "\"own_keys\" into one that has the keys, \"carried\" into one that has not, or leave [ech] out");
    for (const auto& one : draft.backends)
        if (takes_opened(one))
            check_backend(one, draft, findings);
}

} // namespace snipass::config
