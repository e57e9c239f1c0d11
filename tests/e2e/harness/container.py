# SPDX-License-Identifier: BSL-1.0
"""container.py ROOT [MAP] -- PROGRAM...: becomes PROGRAM in a root and a network of its own, as its root; with MAP ("0 100000 1000"
and more of them, separated by commas; users and groups alike) in a user namespace that has these numbers only. Needs root."""
import ctypes
import os
import sys

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000


def unshare(what):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(what) != 0:
        sys.exit(f"unshare: {os.strerror(ctypes.get_errno())}")


def enter_user_namespace(numbers):
    """A child that is not in it gives the numbers to its parent, which is."""
    parent, (readable, writable) = os.getpid(), os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writable)
        os.read(readable, 1)
        for name in ("uid_map", "gid_map"):
            with open(f"/proc/{parent}/{name}", "w") as table:
                table.write(numbers.replace(",", "\n"))
        os._exit(0)
    unshare(CLONE_NEWUSER)
    os.close(writable)
    if os.waitpid(child, 0)[1] != 0:
        sys.exit("the user namespace gets no numbers")
    os.setgroups([])
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)


def main():
    words, program = sys.argv[1:sys.argv.index("--")], sys.argv[sys.argv.index("--") + 1:]
    if len(words) > 1:
        enter_user_namespace(words[1])
    unshare(CLONE_NEWNET)
    os.chroot(words[0])
    os.chdir("/")
    os.execve(program[0], program, {"PATH": "/bin"})


if __name__ == "__main__":
    main()
