// SPDX-License-Identifier: BSL-1.0
// Whether what a process writes comes to systemd's journal.
#pragma once

namespace snipass::os {

// is_journal: `fd` is the stream that systemd connected to its journal, as JOURNAL_STREAM says
// (systemd.exec(5)). A line that begins with "<3>" has that priority there (sd-daemon(3)), and each gets its
// time stamp there.
[[nodiscard]] bool is_journal(int fd) noexcept;

} // namespace snipass::os
