# SPDX-License-Identifier: BSL-1.0
"""System calls in another process's threads, as whoever has taken it over would make them (ptrace(2), x86-64)."""

import ctypes
import os
import platform

PTRACE_CONT, PTRACE_GETREGS, PTRACE_SETREGS, PTRACE_SINGLESTEP, PTRACE_DETACH = 7, 12, 13, 9, 17
PTRACE_SEIZE, PTRACE_INTERRUPT = 0x4206, 0x4207
SYSCALL = b"\x0f\x05"

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long

can = platform.machine() == "x86_64"


class Registers(ctypes.Structure):
    _fields_ = [(name, ctypes.c_ulonglong) for name in (
        "r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8", "rax", "rcx", "rdx", "rsi", "rdi", "orig_rax", "rip",
        "cs", "eflags", "rsp", "ss", "fs_base", "gs_base", "ds", "es", "fs", "gs")]


def _ptrace(request, thread, address=None, data=None):
    if _libc.ptrace(request, thread, address, data) < 0:
        raise OSError(ctypes.get_errno(), f"ptrace {request:#x}")


class Thread:
    """A stopped thread of another process; it goes on, as if nothing had been, when the context ends."""

    def __init__(self, process, thread):
        self.thread = thread
        self.memory = os.open(f"/proc/{process}/mem", os.O_RDWR)
        self.before = Registers()

    def __enter__(self):
        _ptrace(PTRACE_SEIZE, self.thread)
        _ptrace(PTRACE_INTERRUPT, self.thread)
        os.waitpid(self.thread, 0x40000000)  # __WALL
        _ptrace(PTRACE_GETREGS, self.thread, None, ctypes.addressof(self.before))
        # It waits in the kernel: behind it is the instruction that took it there.
        assert os.pread(self.memory, 2, self.before.rip - 2) == SYSCALL
        return self

    def __exit__(self, *_):
        _ptrace(PTRACE_SETREGS, self.thread, None, ctypes.addressof(self.before))
        _ptrace(PTRACE_DETACH, self.thread)
        os.close(self.memory)

    def call(self, number, *arguments):
        """What the call returns: a number, or minus an errno. Bytes are put below the thread's stack."""
        registers = Registers.from_buffer_copy(self.before)
        room = (self.before.rsp - 8192) & ~15
        values = []
        for one in arguments:
            if isinstance(one, bytes):
                os.pwrite(self.memory, one, room)
                values.append(room)
                room += (len(one) + 15) & ~15
            else:
                values.append(one & 0xFFFFFFFFFFFFFFFF)
        values += [0] * (6 - len(values))
        registers.rdi, registers.rsi, registers.rdx, registers.r10, registers.r8, registers.r9 = values
        registers.rax = number
        registers.orig_rax = 0xFFFFFFFFFFFFFFFF  # nothing is restarted
        registers.rip = self.before.rip - 2
        _ptrace(PTRACE_SETREGS, self.thread, None, ctypes.addressof(registers))
        _ptrace(PTRACE_SINGLESTEP, self.thread)
        os.waitpid(self.thread, 0x40000000)
        _ptrace(PTRACE_GETREGS, self.thread, None, ctypes.addressof(registers))
        return ctypes.c_longlong(registers.rax).value
