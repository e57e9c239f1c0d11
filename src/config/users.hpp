// SPDX-License-Identifier: BSL-1.0
// Names of users, as this machine knows them. Private to config: what load() adds to parse(), which depends
// on nothing but the text.
#pragma once

#include "draft.hpp"
#include "findings.hpp"
#include "snipass/config/parse.hpp"

namespace snipass::config {

// resolve_users fills in the numbers of the allowed_users and of the backends that this part has to do with;
// one that this machine does not know is an error. Another program's users this one may not even be able to
// look up.
void resolve_users(draft& draft, const user_finder& find, part which, findings& findings);

} // namespace snipass::config
