// SPDX-License-Identifier: BSL-1.0
// system_call_filter: what this process never does is refused to whoever takes it over (seccomp(2)).
#pragma once

#include "snipass/base/result.hpp"

#include <span>

namespace snipass::os {

// filter_system_calls refuses, from now on and for all threads, with EPERM: to start programs and processes,
// to look into other processes or to signal them, to change its user, namespaces, mounts, the kernel or the
// clock; sockets but unix ones, TCP, UDP and those for the kernel's routes; memory that can be written and
// run. It names what is forbidden and not what is allowed: a C library may do tomorrow what it does not do
// today. ENOTSUP: not on this kind of machine.
[[nodiscard]] error_code filter_system_calls();

// allow_system_calls refuses all but `calls`, from now on and for all threads, as a kernel does that has none
// of them (ENOSYS): C libraries know what to do then. It goes before filter_system_calls(), which forbids to
// forbid more. ENOTSUP: not on this kind of machine.
[[nodiscard]] error_code allow_system_calls(std::span<const long> calls);

// forbid_opening refuses to this thread, and to those that it starts, to open a file for more than its name
// (O_PATH), with EPERM. It may come behind filter_system_calls(). Not before Linux 5.16, which would slow the
// thread down. ENOTSUP: not on this kind of machine.
[[nodiscard]] error_code forbid_opening();

} // namespace snipass::os
