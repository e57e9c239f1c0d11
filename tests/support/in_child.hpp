// SPDX-License-Identifier: BSL-1.0
// What a process remembers for good (an environment that is read once, a fork) is tested in a child.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

namespace snipass::testing {

// in_child is what `work` returns there.
template <class Work>
[[nodiscard]] bool in_child(const Work& work) {
    const pid_t child = fork();
    if (child == 0)
        _exit(work() ? 0 : 1);
    int status = -1;
    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

} // namespace snipass::testing
