// SPDX-License-Identifier: BSL-1.0
// What this process never does is refused to whoever takes it over.
#include "snipass/os/system_call_filter.hpp"

#include "forbidden_system_calls.hpp"

#include "snipass/os/error.hpp"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
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

constexpr std::uint32_t allow = SECCOMP_RET_ALLOW;
constexpr std::uint32_t refuse(int error) {
    return SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error);
}

// program is a filter in the making. The number of the call is in the accumulator wherever no rule is at
// work. A call that no rule asks an argument of costs nothing: the kernel remembers its answer.
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
    void allow_call(long number) {
        jump(BPF_JEQ, value(number), 0, 1);
        answer(allow);
    }

    // require: of the call `number` all but those with one of these values of its argument are refused.
    void require(long number, unsigned argument, std::initializer_list<std::uint32_t> values) {
        const auto count = static_cast<std::uint8_t>(values.size());
        jump(BPF_JEQ, value(number), 0, static_cast<std::uint8_t>(count + 3));
        load_argument(argument);
        auto to_the_end = count;
        for (const auto one : values)
            jump(BPF_JEQ, one, to_the_end--, 0);
        answer(refuse(EPERM));
        load_number();
    }

    // allow_if: of the call `number` those with this value of its argument are let through here and now.
    void allow_if(long number, unsigned argument, std::uint32_t one) {
        answer_if(number, argument, one, allow);
    }

    // refuse_if: of the call `number` those with this value of its argument, among these bits, are refused.
    void refuse_if(long number, unsigned argument, std::uint32_t one, std::uint32_t bits = ~0U) {
        answer_if(number, argument, one, refuse(EPERM), bits);
    }

    // finish: what becomes of all other calls.
    std::vector<sock_filter> finish(std::uint32_t others) && {
        answer(others);
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
    void answer_if(long number, unsigned argument, std::uint32_t one, std::uint32_t what,
                   std::uint32_t bits = ~0U) {
        jump(BPF_JEQ, value(number), 0, 5);
        load_argument(argument);
        code_.push_back({BPF_ALU | BPF_AND | BPF_K, 0, 0, bits});
        jump(BPF_JEQ, one, 0, 1);
        answer(what);
        load_number();
    }

    std::vector<sock_filter> code_;
};

// TCP and UDP, unix sockets, and the kernel's routes. Of another protocol over IP (MPTCP, SCTP) Landlock
// knows no port, and a raw socket writes its own.
void filter_sockets(program& filter) {
    constexpr std::uint32_t kind = 0xf; // without SOCK_NONBLOCK and SOCK_CLOEXEC
    filter.require(SYS_socket, 0, {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK});
    filter.require(SYS_socket, 2, {0, IPPROTO_TCP, IPPROTO_UDP});
    filter.allow_if(SYS_socket, 0, AF_NETLINK);
    filter.allow_if(SYS_socket, 0, AF_UNIX);
    for (const auto other : {SOCK_RAW, SOCK_SEQPACKET, SOCK_DCCP, SOCK_RDM})
        filter.refuse_if(SYS_socket, 1, other, kind);
    filter.allow_call(SYS_socket);
}

// A first segment with data is a connect(2) of which Landlock does not hear.
void filter_sending(program& filter) {
    filter.refuse_if(SYS_sendmsg, 2, MSG_FASTOPEN, MSG_FASTOPEN);
    filter.allow_call(SYS_sendmsg);
    filter.refuse_if(SYS_sendto, 3, MSG_FASTOPEN, MSG_FASTOPEN);
    filter.allow_call(SYS_sendto);
    filter.refuse_if(SYS_sendmmsg, 3, MSG_FASTOPEN, MSG_FASTOPEN);
}

// The calls that every session makes come first.
std::vector<sock_filter> make_filter() {
    program filter;
    filter_sending(filter);
    filter_sockets(filter);
    for (const auto number : forbidden)
        filter.refuse_call(number);
    filter.refuse_if(SYS_clone, 0, 0, CLONE_THREAD); // a process
    filter.refuse_call(SYS_clone3, ENOSYS); // its flags cannot be seen; a C library takes clone(2) then
    const auto self = static_cast<std::uint32_t>(::getpid());
    filter.require(SYS_tgkill, 0, {self});
    filter.require(SYS_prlimit64, 0, {0, self});
    filter.refuse_if(SYS_ioctl, 1, TIOCSTI);
    return std::move(filter).finish(allow);
}

// install is for all threads.
error_code install(std::vector<sock_filter> filter) {
    // Without the second, Linux before 5.16 slows everything down, against programs that guess.
    constexpr unsigned flags = SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_SPEC_ALLOW;
    const sock_fprog whole{static_cast<unsigned short>(filter.size()), filter.data()};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &whole) != 0)
        return last_error();
    return {};
}

} // namespace

error_code filter_system_calls() {
    if (machine == 0)
        return make_error(ENOTSUP);
    constexpr int refuse_exec_gain = 65; // PR_SET_MDWE, Linux 6.3: memory that was written is never run
    (void)::prctl(refuse_exec_gain, 1, 0, 0, 0);
    return install(make_filter());
}

error_code allow_system_calls(std::span<const long> calls) {
    if (machine == 0)
        return make_error(ENOTSUP);
    program filter;
    for (const auto number : calls)
        filter.allow_call(number);
    return install(std::move(filter).finish(refuse(ENOSYS)));
}

error_code forbid_opening() {
    if (machine == 0)
        return make_error(ENOTSUP);
    program filter;
    filter.refuse_if(SYS_openat, 2, 0, O_PATH);
    filter.refuse_call(SYS_openat2);
#ifdef SYS_open
    filter.refuse_if(SYS_open, 1, 0, O_PATH);
    filter.refuse_call(SYS_creat);
#endif
    auto code = std::move(filter).finish(allow);
    const sock_fprog whole{static_cast<unsigned short>(code.size()), code.data()};
    // seccomp(2), which is forbidden by now, would be the same.
    return ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &whole) == 0 ? error_code{} : last_error();
}

} // namespace snipass::os
