// SPDX-License-Identifier: BSL-1.0
// A kernel that refuses: what a hardened one, a sandbox or a security module answers, for the rest of this
// process's life.
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

#include <cstddef>
#include <cstdint>

namespace snipass::testing {

// refuse: from now on the system call fails with `error`, of the calls whose first argument is `first`; any:
// of all.
inline constexpr std::uint32_t any = 0xFFFF'FFFF;
inline bool refuse(long call, int error, std::uint32_t first = any) {
    const auto number = static_cast<std::uint32_t>(call);
    const auto answer = SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error);
    sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, first, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, answer),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    if (first == any)
        steps[3] = BPF_STMT(BPF_RET | BPF_K, answer);
    sock_fprog program{static_cast<unsigned short>(sizeof steps / sizeof *steps), steps};
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

} // namespace snipass::testing
