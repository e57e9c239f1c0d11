// SPDX-License-Identifier: BSL-1.0
// Descriptors 0 to 2.
#pragma once

namespace snipass::os {

// open_standard_descriptors: of 0 to 2 none is closed when it returns. Where one was, it is /dev/null now:
// else the next file that is opened would have its number, and whoever writes to standard error would write
// into that.
void open_standard_descriptors() noexcept;

// end_of_output is the exit status of a command that has printed to std::cout what it had to say: `status`,
// or 1, and why on standard error, if that is lost on a full disk.
[[nodiscard]] int end_of_output(int status);

} // namespace snipass::os
