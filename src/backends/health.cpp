// SPDX-License-Identifier: BSL-1.0
// What connects and probes tell of an address.
#include "snipass/backends/health.hpp"

#include "snipass/net/wait_error.hpp"
#include "snipass/os/error.hpp"

#include <string>

namespace snipass::server {
namespace {

using config::log_level;

void count_failure(log& to, const config::backend_settings& backend, const candidate& about,
                   std::string_view why) {
    const auto* const relay = backend.relay();
    if (relay == nullptr || !about.state->failed(static_cast<unsigned>(relay->eject_after)))
        return;
    to.write(log_level::warn, "an address is ejected",
             {{"backend", backend.name},
              {"address", name_of(about)},
              {"why", why},
              {"failures", std::uint64_t{about.state->failures}}});
}

} // namespace

void note_failure(log& to, const config::backend_settings& backend, const candidate& about,
                  const error_code& why) {
    if (net::is_timeout(why) || os::is_peers_fault(why))
        count_failure(to, backend, about, why.message());
}

void note_slow(log& to, const config::backend_settings& backend, const candidate& about,
               std::chrono::milliseconds given, std::string_view why) {
    about.state->too_slow_for = given;
    count_failure(to, backend, about, why);
}

void note_success(log& to, const config::backend_settings& backend, const candidate& about,
                  std::string_view how) {
    if (about.state->succeeded())
        to.write(log_level::info, "an address is back",
                 {{"backend", backend.name}, {"address", name_of(about)}, {"why", how}});
}

} // namespace snipass::server
