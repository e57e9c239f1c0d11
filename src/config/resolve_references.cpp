// SPDX-License-Identifier: BSL-1.0
// From the names of backends to their indexes.
#include "draft.hpp"
#include "snipass/config/nearest.hpp"
#include "snipass/config/written.hpp"

#include <unordered_map>

namespace snipass::config {
namespace {

class backend_names {
  public:
    backend_names(const std::vector<backend_draft>& backends, bool complete, findings& findings)
        : findings_(findings), complete_(complete) {
        for (std::size_t i = 0; i < backends.size(); ++i) {
            known_.push_back(backends[i].settings.name);
            index_.emplace(backends[i].settings.name, i);
        }
    }

    [[nodiscard]] std::optional<std::size_t> resolve(const reference& from, const std::string& key) {
        const auto found = index_.find(from.name);
        if (found != index_.end())
            return found->second;
        if (!complete_)
            return std::nullopt;
        findings_.error(from.where,
                        key + ": there is no backend " + in_quotes(from.name) + "; " + proposal(from.name));
        return std::nullopt;
    }

  private:
    // Kept, because many routes may have the same slip and there may be many backends to compare it with.
    const std::string& proposal(const std::string& name) {
        const auto [entry, added] = proposals_.try_emplace(name);
        if (added)
            entry->second = known_.empty() ? "write a [backend." + name + "]" : propose(name, known_);
        return entry->second;
    }

    findings& findings_;
    bool complete_; // all backends are known
    std::vector<std::string_view> known_;
    std::unordered_map<std::string_view, std::size_t> index_;
    std::unordered_map<std::string, std::string> proposals_;
};

// report_ring is called with a backend from which sorry leads back to itself.
void report_ring(const std::vector<backend_draft>& backends, std::size_t first, findings& findings) {
    auto last = first;
    auto names = in_quotes(backends[first].settings.name);
    while (*backends[last].settings.sorry != first) {
        last = *backends[last].settings.sorry;
        names += " -> " + in_quotes(backends[last].settings.name);
    }
    findings.error(backends[last].sorry->where, "backend." + backends[last].settings.name +
                                                    ".sorry: leads in a ring: " + names + " -> " +
                                                    in_quotes(backends[first].settings.name) +
                                                    "; write a backend outside of it, or leave it out");
}

// check_sorry finds each ring of backends that would pass a client on for ever, once: a walk that comes to
// where it has been itself has found a new one; where an earlier walk has been, all is known. False: there is
// one.
bool check_sorry(const std::vector<backend_draft>& backends, findings& findings) {
    std::vector<std::size_t> walk(backends.size()); // which came here first, counted from 1
    bool ends = true;
    for (std::size_t start = 0; start < backends.size(); ++start) {
        std::optional<std::size_t> at = start;
        while (at && walk[*at] == 0) {
            walk[*at] = start + 1;
            at = backends[*at].settings.sorry;
        }
        if (!at || walk[*at] != start + 1)
            continue;
        report_ring(backends, *at, findings);
        ends = false;
    }
    return ends;
}

// check_forwarding: a client that asks for no name that a route has cannot be forwarded to it. `first` is
// where such clients are sent to at `where`; what `sorry` leads to counts as well.
void check_forwarding(const draft& draft, std::size_t first, const std::string& key, position where,
                      findings& findings) {
    const auto& backends = draft.backends;
    std::optional at{first};
    for (auto steps = backends.size(); at && steps > 0; at = backends[*at].settings.sorry, --steps) {
        const auto& settings = backends[*at].settings;
        if (const auto* const forward = settings.forward())
            findings.error(where, key + ": leads to backend " + in_quotes(settings.name) + ", whose " +
                                      in_quotes(forward->address.text) +
                                      " is the name that a route has; write a [[route]] with the names that "
                                      "may be forwarded");
    }
}

// next_terminated is where `from` passes a client on to whose handshake is done. The walk ends at one that is
// checked by itself.
std::optional<std::size_t> next_terminated(const std::vector<backend_draft>& backends,
                                           const backend_draft& from) {
    auto at = from.settings.sorry;
    while (at && !backends[*at].settings.termination)
        at = backends[*at].settings.sorry;
    return at;
}

// check_kernel_tls: a client whose keys the kernel has cannot become one end of a socket pair any more.
void check_kernel_tls(const draft& draft, findings& findings) {
    const auto& backends = draft.backends;
    for (const auto& from : backends) {
        if (!from.settings.termination || from.settings.termination->plaintext != plaintext_kind::ktls)
            continue;
        const auto at = next_terminated(backends, from);
        if (!at || !backends[*at].settings.handoff() ||
            backends[*at].settings.termination->plaintext == plaintext_kind::ktls)
            continue;
        findings.error(
            from.sorry->where,
            "backend." + from.settings.name + ".sorry: leads to " + in_quotes(backends[*at].settings.name) +
                ", which is handed socket pairs, and a client whose keys the kernel has cannot become "
                "one; write plaintext = \"ktls\" for both, or for neither");
    }
}

// check_requests: of who has done the handshake a request is waited for before the first backend is tried, or
// not at all.
void check_requests(const draft& draft, findings& findings) {
    for (const auto& from : draft.backends) {
        if (!from.settings.termination || from.settings.takes_requests())
            continue;
        const auto at = next_terminated(draft.backends, from);
        if (!at || !draft.backends[*at].settings.takes_requests())
            continue;
        findings.error(from.sorry->where,
                       "backend." + from.settings.name + ".sorry: leads to " +
                           in_quotes(draft.backends[*at].settings.name) +
                           ", which is told of a request, and for one nobody has waited; write protocol = "
                           "\"scgi\" for both, or for neither");
    }
}

} // namespace

bool resolve_references(draft& draft, findings& findings) {
    backend_names names{draft.backends, !draft.backends_are_unknown, findings};
    bool complete = true;
    for (auto& route : draft.routes) {
        const auto index = route.backend ? names.resolve(*route.backend, "route.backend") : std::nullopt;
        complete = complete && index;
        route.backend_index = index.value_or(0);
    }
    for (auto& backend : draft.backends) {
        if (!backend.sorry)
            continue;
        backend.settings.sorry = names.resolve(*backend.sorry, "backend." + backend.settings.name + ".sorry");
        complete = complete && backend.settings.sorry;
    }
    if (draft.default_backend)
        draft.default_index = names.resolve(*draft.default_backend, "default.backend");
    complete = complete && draft.default_index.has_value() == draft.has_default;
    const bool ends = check_sorry(draft.backends, findings);
    if (!complete || !ends)
        return complete;
    check_kernel_tls(draft, findings);
    check_requests(draft, findings);
    if (draft.default_index)
        check_forwarding(draft, *draft.default_index, "default.backend", draft.default_backend->where,
                         findings);
    for (const auto& route : draft.routes)
        if (route.rule.names.empty())
            check_forwarding(draft, route.backend_index, "route.backend", route.backend->where, findings);
    return complete;
}

} // namespace snipass::config
