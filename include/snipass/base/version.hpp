// SPDX-License-Identifier: BSL-1.0
// What a program was built from. Programs link snipass_version for it; it changes with each commit, the libraries do not.
#pragma once

namespace snipass {

// version_text is what --version prints after the program's name: lines of version, commit, compiler and libraries.
extern const char* const version_text;

} // namespace snipass
