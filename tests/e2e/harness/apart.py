# SPDX-License-Identifier: BSL-1.0
"""Mounts of one's own, in a chroot as well, where unshare(1) cannot make them.

    apart.py COMMAND...     runs COMMAND with them
"""

import ctypes
import os
import sys

CLONE_NEWNET, CLONE_NEWNS = 0x40000000, 0x00020000
MS_REC, MS_PRIVATE = 0x4000, 0x40000


def _call(name, *arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc[name](*arguments) != 0:
        raise OSError(ctypes.get_errno(), f"{name}: {os.strerror(ctypes.get_errno())}")


def enter(network=True):
    """This process gets mounts of its own, and networks. In a chroot, too: its root is no mount point, whose propagation
    could be changed, so the namespace's own root is visited for that."""
    _call("unshare", CLONE_NEWNS | (CLONE_NEWNET if network else 0))
    root, here = os.open("/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC), os.getcwd()
    own = os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    _call("setns", own, CLONE_NEWNS)  # to the namespace's own root
    _call("mount", None, b"/", None, ctypes.c_ulong(MS_REC | MS_PRIVATE), None)
    os.fchdir(root)
    os.chroot(".")
    os.chdir(here)
    os.close(root)
    os.close(own)


if __name__ == "__main__":
    enter(network=False)
    os.execvp(sys.argv[1], sys.argv[1:])
