// SPDX-License-Identifier: BSL-1.0
// The input is a configuration file.
#include "fuzz_target.hpp"
#include "snipass/config/check.hpp"
#include "snipass/config/decision.hpp"
#include "snipass/config/explain.hpp"
#include "snipass/config/parse.hpp"

#include <algorithm>

using namespace snipass;
using namespace snipass::fuzz;

namespace {

void require_place(const config::diagnostic& one, std::size_t lines) {
    require(one.where.line <= lines + 1, "a diagnostic is inside the file");
    require((one.where.line == 0) == (one.where.column == 0), "a place has a line and a column, or neither");
}

void check_diagnostics(const config::parsed& parsed, std::string_view text) {
    const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
    bool error = false;
    for (std::size_t i = 0; i < parsed.diagnostics.size(); ++i) {
        const auto& one = parsed.diagnostics[i];
        require_place(one, lines);
        require(i == 0 || parsed.diagnostics[i - 1].where <= one.where,
                "diagnostics come in the order of the file");
        require(one.to_string("f").find('\n') == std::string::npos, "a diagnostic is one line");
        error = error || one.level == config::severity::error;
    }
    require(error == !parsed.value, "there is a configuration if and only if there is no error");
}

void check_indexes(const config::configuration& configuration) {
    const auto backends = configuration.backends.size();
    require(!configuration.listeners.empty(), "there is a listener");
    require(configuration.default_backend.value_or(0) < std::max<std::size_t>(backends, 1),
            "[default] leads to a backend");
    for (const auto& route : configuration.routes)
        require(route.backend < backends &&
                    (route.name_count > 0 || !route.alpn.empty() || !route.source.empty() ||
                     !route.paths.empty() || !route.methods.empty()),
                "a route leads from names or a condition to a backend");
    for (const auto& backend : configuration.backends) {
        if (const auto* const handoff = backend.handoff())
            require(!handoff->paths.empty(), "a backend of this machine has a socket");
        if (const auto* const relay = backend.relay())
            require(!relay->addresses.empty(), "a backend elsewhere has an address");
        auto next = backend.sorry;
        for (std::size_t steps = 0; next; ++steps, next = configuration.backends[*next].sorry)
            require(*next < backends && steps < backends, "sorry ends");
    }
}

void check_answers(const config::configuration& configuration) {
    const std::vector<std::string> names{"", "a.example", "www.example.com", "192.0.2.1"};
    for (const auto& text : names) {
        const auto name = host_name::parse(text);
        const auto said = config::explain(configuration, {.host_name = text});
        require(said.value.has_value(), "there is an explanation");
        const auto decided = config::decide(configuration, configuration.listeners[0],
                                            config::hello_kind::with_name, name, {});
        require(!decided.backend || *decided.backend < configuration.backends.size(),
                "a decision leads to a backend");
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto text = as_text({data, size});
    const auto parsed = config::parse(text, "f");
    check_diagnostics(parsed, text);
    require(!config::check_report(parsed, "f").empty(), "there is a report");
    if (!parsed.value)
        return 0;
    check_indexes(*parsed.value);
    check_answers(*parsed.value);
    return 0;
}
