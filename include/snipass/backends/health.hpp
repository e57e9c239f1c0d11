// SPDX-License-Identifier: BSL-1.0
// health: what connects and probes tell of an address, and the log of it.
#pragma once

#include "snipass/backends/target_list.hpp"
#include "snipass/base/result.hpp"
#include "snipass/config/configuration.hpp"
#include "snipass/telling/log.hpp"

#include <chrono>
#include <string_view>

namespace snipass::server {

// When the address before has not answered for so long the next one is tried as well: of one name, as RFC
// 8305 section 5 has it, and of those that the file lists, where the order may mean something.
inline constexpr std::chrono::milliseconds head_start{250};
inline constexpr std::chrono::milliseconds listed_head_start{1'000};

// note_failure counts a connect or a probe that failed: eject_after of them in a row eject the address. What
// is this machine's own fault (no descriptors, no port, no permission) is not counted.
void note_failure(log& to, const config::backend_settings& backend, const candidate& about,
                  const error_code& why);

// note_slow counts an address as failed that was given a head start and still had not answered when another
// one did, or when the client gave up, as `why` says. What is ejected for that comes back when a probe is
// answered within the head start.
void note_slow(log& to, const config::backend_settings& backend, const candidate& about,
               std::chrono::milliseconds given, std::string_view why);

// note_success brings an address back; `how` is for the log.
void note_success(log& to, const config::backend_settings& backend, const candidate& about,
                  std::string_view how);

} // namespace snipass::server
