// SPDX-License-Identifier: BSL-1.0
// What each listener does with a client that no route takes: it asks what the router asks.
#include "explain_refusal.hpp"

#include "describe_backend.hpp"

#include "snipass/http/answer.hpp"

#include <string_view>
#include <utility>

namespace snipass::config {
namespace {

std::string_view to_string(policy policy) {
    switch (policy) {
    case policy::route_to_default:
        return "default";
    case policy::close:
        return "close";
    case policy::reset:
        return "reset";
    case policy::alert:
        return "alert";
    case policy::status:
        return "status";
    }
    return {};
}

std::string describe(policy refusal, const told& what) {
    if (refusal == policy::alert)
        return "the client gets a TLS alert (" + what.alert + ")";
    if (refusal == policy::status)
        return "the client is answered " + std::to_string(what.status) + " " +
               std::string{http::reason(what.status)};
    return refusal == policy::reset ? "the connection is reset" : "the connection is closed";
}

// The listener's key that speaks of such a client, and what it says.
std::pair<std::string, policy> policy_for(const listener_settings& listener, hello_kind hello) {
    if (hello == hello_kind::malformed)
        return {"malformed", listener.malformed};
    if (hello == hello_kind::foreign)
        return {listener.is_for_http() ? "not_http" : "not_tls", listener.foreign};
    return {"unmatched", listener.unmatched};
}

// what_happens asks what the router asks.
std::string what_happens(const configuration& configuration, const listener_settings& listener,
                         hello_kind hello, const told& what) {
    const auto decided = decide_unmatched(configuration, listener, hello);
    const auto [key, policy] = policy_for(listener, hello);
    auto text = "  listener " + in_quotes(listener.address) + ", " + key + " = " +
                in_quotes(to_string(policy)) + ": ";
    if (decided.backend)
        return text +
               describe_backend(configuration, configuration.backends[*decided.backend],
                                listener.is_for_handoffs()) +
               "\n";
    if (policy == policy::route_to_default)
        text += "there is no [default], so ";
    if (policy == policy::alert && decided.refusal != policy)
        text += "an alert is for who speaks TLS, so ";
    return text + describe(decided.refusal, {what.alert, what.status > 0 ? what.status : decided.status}) +
           "\n";
}

} // namespace

std::string on_each_listener(const configuration& configuration, const explain_query& query, hello_kind hello,
                             const told& what) {
    std::string text;
    for (const auto& listener : configuration.listeners)
        if (listener.protocol == query.protocol() &&
            (query.listener.empty() || listener.address == query.listener))
            text += what_happens(configuration, listener, hello, what);
    if (text.empty())
        text = "  no listener has protocol = \"" + std::string{query.request ? "http" : "tls"} + "\"\n";
    return text;
}

} // namespace snipass::config
