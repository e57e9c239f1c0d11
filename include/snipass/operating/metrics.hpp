// SPDX-License-Identifier: BSL-1.0
// metrics: a status as Prometheus reads it.
#pragma once

#include "snipass/operating/status.hpp"

#include <string>

namespace snipass::server {

inline constexpr std::string_view metrics_type = "text/plain; version=0.0.4; charset=utf-8";

// to_metrics writes all families. Labels are what the configuration says, never what a client sent.
[[nodiscard]] std::string to_metrics(const status& now);

} // namespace snipass::server
