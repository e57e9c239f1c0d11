// SPDX-License-Identifier: BSL-1.0
// What this process never does is refused to whoever takes it over.
#include "snipass/os/system_call_filter.hpp"

#include "snipass/os/error.hpp"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <vector>

namespace snipass::os {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t machine = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t machine = AUDIT_ARCH_AARCH64;
#else
constexpr std::uint32_t machine = 0; // arguments and numbers may lie elsewhere
#endif

constexpr std::uint32_t x32_calls = 0x4000'0000; // on x86-64, the same calls by other numbers

// Of some the numbers are younger than the headers; they are the same everywhere.
constexpr long mount_setattr = 442;
constexpr long process_mrelease = 448;

constexpr long forbidden[] = {
    // programs and processes
    SYS_execve,
    SYS_execveat,
    SYS_ptrace,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_kcmp,
    SYS_pidfd_open,
    SYS_pidfd_getfd,
    SYS_pidfd_send_signal,
    SYS_kill,
    SYS_tkill,
    SYS_rt_sigqueueinfo,
    SYS_rt_tgsigqueueinfo,
    SYS_process_madvise,
    process_mrelease,
    SYS_personality,
    SYS_seccomp,
#ifdef SYS_fork
    SYS_fork,
    SYS_vfork,
#endif
    // users and keys
    SYS_setuid,
    SYS_setgid,
    SYS_setreuid,
    SYS_setregid,
    SYS_setresuid,
    SYS_setresgid,
    SYS_setfsuid,
    SYS_setfsgid,
    SYS_setgroups,
    SYS_capset,
    SYS_add_key,
    SYS_request_key,
    SYS_keyctl,
    // namespaces and mounts
    SYS_unshare,
    SYS_setns,
    SYS_mount,
    SYS_umount2,
    SYS_pivot_root,
    SYS_chroot,
    SYS_fsopen,
    SYS_fsconfig,
    SYS_fsmount,
    SYS_fspick,
    SYS_open_tree,
    SYS_move_mount,
    mount_setattr,
    SYS_open_by_handle_at,
    SYS_name_to_handle_at,
    SYS_swapon,
    SYS_swapoff,
    SYS_quotactl,
    // the kernel and the machine
    SYS_init_module,
    SYS_finit_module,
    SYS_delete_module,
    SYS_kexec_load,
    SYS_bpf,
    SYS_perf_event_open,
    SYS_userfaultfd,
    SYS_io_uring_setup,
    SYS_io_uring_enter,
    SYS_io_uring_register,
    SYS_reboot,
    SYS_acct,
    SYS_syslog,
    SYS_sethostname,
    SYS_setdomainname,
    SYS_settimeofday,
    SYS_clock_settime,
    SYS_adjtimex,
    SYS_clock_adjtime,
    SYS_vhangup,
#ifdef SYS_kexec_file_load
    SYS_kexec_file_load,
#endif
#ifdef SYS_iopl
    SYS_iopl,
    SYS_ioperm,
    SYS_modify_ldt,
#endif
};

constexpr std::uint32_t allow = SECCOMP_RET_ALLOW;
constexpr std::uint32_t refuse(int error) {
    return SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error);
}

// program is a filter in the making. The number of the call is in the accumulator wherever no rule is at
// work.
class program {
  public:
    program() {
        load(offsetof(seccomp_data, arch));
        unless_equal(machine, 1);
        answer(SECCOMP_RET_KILL_PROCESS);
        load_number();
        if (machine == AUDIT_ARCH_X86_64) {
            jump(BPF_JGE, x32_calls, 0, 1);
            answer(refuse(ENOSYS));
        }
    }

    void refuse_call(long number, int error = EPERM) {
        jump(BPF_JEQ, value(number), 0, 1);
        answer(refuse(error));
    }

    // allow_if: of the call `number` only that with one of these values of its argument.
    void allow_if(long number, unsigned argument, std::initializer_list<std::uint32_t> values) {
        jump(BPF_JEQ, value(number), 0, static_cast<std::uint8_t>(2 * values.size() + 2));
        load_argument(argument);
        for (const auto one : values) {
            jump(BPF_JEQ, one, 0, 1);
            answer(allow);
        }
        answer(refuse(EPERM));
    }

    // refuse_if: of the call `number` that with this value of its argument.
    void refuse_if(long number, unsigned argument, std::uint32_t one) {
        jump(BPF_JEQ, value(number), 0, 4);
        load_argument(argument);
        jump(BPF_JEQ, one, 0, 1);
        answer(refuse(EPERM));
        answer(allow);
    }

    // refuse_unless: of the call `number` that without this bit of its argument.
    void refuse_unless(long number, unsigned argument, std::uint32_t bit) {
        jump(BPF_JEQ, value(number), 0, 4);
        load_argument(argument);
        jump(BPF_JSET, bit, 1, 0);
        answer(refuse(EPERM));
        answer(allow);
    }

    std::vector<sock_filter> finish() && {
        answer(allow);
        return std::move(code_);
    }

  private:
    static std::uint32_t value(long number) { return static_cast<std::uint32_t>(number); }
    void load(std::size_t offset) {
        code_.push_back({BPF_LD | BPF_W | BPF_ABS, 0, 0, static_cast<std::uint32_t>(offset)});
    }
    void load_number() { load(offsetof(seccomp_data, nr)); }
    // The lower half, on little-endian machines as these are: what is asked for has no upper one.
    void load_argument(unsigned which) { load(offsetof(seccomp_data, args) + 8 * which); }
    void jump(std::uint16_t how, std::uint32_t to, std::uint8_t if_so, std::uint8_t if_not) {
        code_.push_back({static_cast<std::uint16_t>(BPF_JMP | how | BPF_K), if_so, if_not, to});
    }
    void unless_equal(std::uint32_t to, std::uint8_t skip_if) { jump(BPF_JEQ, to, skip_if, 0); }
    void answer(std::uint32_t what) { code_.push_back({BPF_RET | BPF_K, 0, 0, what}); }

    std::vector<sock_filter> code_;
};

std::vector<sock_filter> make_filter() {
    program filter;
    for (const auto number : forbidden)
        filter.refuse_call(number);
    filter.refuse_unless(SYS_clone, 0, CLONE_THREAD);
    filter.refuse_call(SYS_clone3, ENOSYS); // its flags cannot be seen; a C library takes clone(2) then
    filter.allow_if(SYS_socket, 0, {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK});
    const auto self = static_cast<std::uint32_t>(::getpid());
    filter.allow_if(SYS_tgkill, 0, {self});
    filter.allow_if(SYS_prlimit64, 0, {0, self});
    filter.refuse_if(SYS_ioctl, 1, TIOCSTI);
    return std::move(filter).finish();
}

} // namespace

error_code filter_system_calls() {
    if (machine == 0)
        return make_error(ENOTSUP);
    constexpr int refuse_exec_gain = 65; // PR_SET_MDWE, Linux 6.3: memory that was written is never run
    (void)::prctl(refuse_exec_gain, 1, 0, 0, 0);
    auto filter = make_filter();
    const sock_fprog whole{static_cast<unsigned short>(filter.size()), filter.data()};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &whole) != 0)
        return last_error();
    return {};
}

} // namespace snipass::os
