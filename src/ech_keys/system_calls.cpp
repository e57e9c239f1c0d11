// SPDX-License-Identifier: BSL-1.0
// All system calls that snipass-ech makes once it answers. No socket is made any more, but that of a C
// library's look-up, which gets nowhere.
#include "snipass/ech_keys/system_calls.hpp"

#include <sys/syscall.h>

namespace snipass::ech_keys {
namespace {

constexpr long allowed[] = {
    // every question
    SYS_recvfrom,
    SYS_sendto,
    SYS_ppoll,
    SYS_accept4,
    SYS_getsockopt,
    SYS_close,
    SYS_read,
    SYS_write,
    SYS_writev,
    SYS_clock_gettime,
    SYS_getrandom,
    SYS_getpid,
    SYS_geteuid,
    SYS_getuid,
    // memory, the end
    SYS_mmap,
    SYS_munmap,
    SYS_mprotect,
    SYS_mremap,
    SYS_madvise,
    SYS_brk,
    SYS_futex,
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_restart_syscall,
    SYS_gettid,
    SYS_tgkill,
    SYS_exit,
    SYS_exit_group,
    SYS_prctl,
    SYS_seccomp, // to forbid more; then no more
    // the file and the keys, the socket's file at the end
    SYS_openat,
    SYS_fstat,
    SYS_newfstatat,
    SYS_statx,
    SYS_getdents64,
    SYS_lseek,
    SYS_readv,
    SYS_pread64,
    SYS_fcntl,
    SYS_readlinkat,
    SYS_getcwd,
    SYS_unlinkat,
#if defined(__x86_64__) // of what newer machines have one call for
    SYS_open,
    SYS_stat,
    SYS_lstat,
    SYS_poll,
    SYS_readlink,
    SYS_unlink,
    SYS_time,
#endif
};

} // namespace

std::span<const long> system_calls() noexcept {
    return allowed;
}

} // namespace snipass::ech_keys
