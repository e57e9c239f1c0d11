// SPDX-License-Identifier: BSL-1.0
// moved_record: a record on its way from one process to the next.
#pragma once

#include "snipass/config/configuration.hpp"
#include "snipass/telling/record.hpp"
#include "snipass/upgrade/state.hpp"

#include <functional>
#include <set>
#include <string>
#include <string_view>

namespace snipass::server {

[[nodiscard]] upgrade::session to_moved(const record& one);

// former_texts are what records of a process before have of its file, where the file says it no longer.
using former_texts = std::set<std::string, std::less<>>;

// from_moved: the record's views are of `now`, or of `former`; both outlive it.
[[nodiscard]] record from_moved(const upgrade::session& one, const config::configuration& now,
                                former_texts& former);

// listener_of is the address of that listener, with which it is found.
[[nodiscard]] const config::listener_settings* listener_of(const config::configuration& now,
                                                           std::string_view address);

} // namespace snipass::server
