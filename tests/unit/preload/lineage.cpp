// SPDX-License-Identifier: BSL-1.0
// Whose the sockets are: a forked child's parent's, as long as that lives.
#include "catch.hpp"
#include "in_child.hpp"

#include <poll.h>
#include <sys/prctl.h>

extern "C" {
#include "../../../src/preload/lineage.h"
}

using snipass::testing::in_child;

TEST_CASE("preload lineage: a fork is a child until its parent ends") {
    CHECK_FALSE(lineage_is_child());
    CHECK(lineage_parent() == 0);
    const pid_t parent = getpid();
    CHECK(in_child([parent] {
        lineage_after_fork(parent);
        return lineage_is_child() && lineage_parent() == parent;
    }));
}

TEST_CASE("preload lineage: of a daemon, whose parent has ended, it is none") {
    CHECK(in_child([] {
        int told[2];
        if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0 || pipe(told) != 0)
            return false;
        const pid_t before = fork();
        if (before == 0) {
            const pid_t parent = getpid();
            if (fork() == 0) {
                lineage_after_fork(parent);
                while (getppid() == parent)
                    poll(nullptr, 0, 1);
                const char answer = lineage_is_child() || lineage_parent() != parent ? 'n' : 'y';
                _exit(write(told[1], &answer, 1) == 1 ? 0 : 1);
            }
            _exit(0);
        }
        int status = 0;
        char answer = 0;
        return waitpid(before, &status, 0) == before && read(told[0], &answer, 1) == 1 && answer == 'y';
    }));
}
