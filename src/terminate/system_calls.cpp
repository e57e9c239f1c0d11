// SPDX-License-Identifier: BSL-1.0
// All system calls that snipass-tls makes.
#include "snipass/terminate/system_calls.hpp"

#include <sys/syscall.h>

namespace snipass::terminate {
namespace {

constexpr long allowed[] = {
    // every client
    SYS_recvfrom,
    SYS_recvmsg,
    SYS_sendto,
    SYS_sendmsg,
    SYS_read,
    SYS_write,
    SYS_close,
    SYS_accept4,
    SYS_connect,
    SYS_socket,
    SYS_socketpair,
    SYS_bind,
    SYS_shutdown,
    SYS_getsockopt,
    SYS_setsockopt,
    SYS_getsockname,
    SYS_getpeername,
    SYS_fcntl,
    SYS_ioctl,
    SYS_splice,
    SYS_pipe2,
    SYS_epoll_ctl,
    SYS_epoll_pwait,
    SYS_epoll_create1,
    SYS_eventfd2,
    SYS_ppoll,
    SYS_clock_gettime,
    SYS_getrandom,
    SYS_getpid,
    // memory, threads, signals
    SYS_mmap,
    SYS_munmap,
    SYS_mprotect,
    SYS_mremap,
    SYS_madvise,
    SYS_brk,
    SYS_futex,
    SYS_clone, // threads; filter_system_calls() forbids processes
    SYS_set_robust_list,
    SYS_rseq,
    SYS_gettid,
    SYS_tgkill,
    SYS_exit,
    SYS_exit_group,
    SYS_sched_yield,
    SYS_sched_getaffinity,
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_sigaltstack,
    SYS_restart_syscall,
    SYS_nanosleep,
    SYS_clock_nanosleep,
    SYS_clock_getres,
    SYS_timerfd_create,
    SYS_timerfd_settime,
    SYS_timerfd_gettime,
    SYS_prctl,
    SYS_seccomp, // to forbid more; then no more
    SYS_prlimit64,
    SYS_sysinfo,
    SYS_uname,
    SYS_getuid,
    SYS_geteuid,
    SYS_getgid,
    SYS_getegid,
    // listeners, the file and the certificates, ticket keys, the log
    SYS_listen,
    SYS_openat,
    SYS_fstat,
    SYS_newfstatat,
    SYS_statx,
    SYS_statfs,
    SYS_fstatfs,
    SYS_faccessat,
    SYS_faccessat2,
    SYS_readlinkat,
    SYS_getdents64,
    SYS_getcwd,
    SYS_lseek,
    SYS_readv,
    SYS_writev,
    SYS_pread64,
    SYS_pwrite64,
    SYS_flock,
    SYS_dup,
    SYS_dup3,
    SYS_unlinkat,
    SYS_fchmod,
    SYS_fchmodat,
    SYS_umask,
    // the C library's look-ups of names and users
    SYS_sendmmsg,
    SYS_recvmmsg,
    SYS_pselect6,
    SYS_gettimeofday,
#if defined(__x86_64__) // of what newer machines have one call for
    SYS_open,
    SYS_stat,
    SYS_lstat,
    SYS_access,
    SYS_readlink,
    SYS_unlink,
    SYS_chmod,
    SYS_poll,
    SYS_select,
    SYS_epoll_wait,
    SYS_time,
#endif
};

} // namespace

std::span<const long> system_calls() noexcept {
    return allowed;
}

} // namespace snipass::terminate
