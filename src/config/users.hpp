// SPDX-License-Identifier: BSL-1.0
// Names of users, as this machine knows them. Private to config: what load() adds to parse(), which depends
// on nothing but the text.
#pragma once

#include "draft.hpp"
#include "findings.hpp"
#include "snipass/config/parse.hpp"

namespace snipass::config {

// resolve_users fills in the numbers of all allowed_users and of the backends; one that this machine does not
// know is an error.
void resolve_users(draft& draft, const user_finder& find, findings& findings);

} // namespace snipass::config
