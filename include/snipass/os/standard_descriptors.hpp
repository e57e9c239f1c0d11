// SPDX-License-Identifier: BSL-1.0
// Descriptors 0 to 2.
#pragma once

namespace snipass::os {

// open_standard_descriptors: of 0 to 2 none is closed when it returns. Where one was, it is /dev/null now:
// else the next file that is opened would have its number, and whoever writes to standard error would write
// into that.
void open_standard_descriptors() noexcept;

} // namespace snipass::os
