// SPDX-License-Identifier: BSL-1.0
// `snipass check --live`: the backends of a file are tried, as the router would.
#pragma once

#include <string>

namespace snipass::live {

// check connects to every backend of `file`, hands a client of its own to those that take clients, and does a
// TLS handshake for the names of their routes. It prints what it found and returns the exit status: 0; 1, a
// backend is not there, or does not do its part; 2, there is a mistake in the file, which was told before.
// As root it becomes `user` first.
[[nodiscard]] int check(const std::string& file, const std::string& user);

} // namespace snipass::live
