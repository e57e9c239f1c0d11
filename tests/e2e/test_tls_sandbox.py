#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""snipass-tls confines itself: each of its threads is made to do what somebody would try who had taken it over."""

import errno
import os
import pathlib
import signal
import socket
import struct
import unittest

from harness import Case, main, python_tls, takeover, unless_sanitized
from harness.case import HEAD
from harness.tls_end import TlsSite, make_certificate

# x86-64
OPEN, OPENAT, SOCKET, BIND, CLONE, EXECVE, KILL, PTRACE = 2, 257, 41, 49, 56, 59, 62, 101
# What it never does, and what nobody forbids to the router.
UNUSED = {"mkdir": 83, "rename": 82, "link": 86, "symlink": 88, "mincore": 27, "msync": 26, "memfd_create": 319, "inotify_init1": 294,
          "fanotify_init": 300, "getpriority": 140, "sendfile": 40, "vmsplice": 278, "copy_file_range": 326, "timer_create": 222,
          "signalfd4": 289, "mlock": 149, "setitimer": 38, "truncate": 76, "wait4": 61, "capget": 125, "times": 100}
AT_FDCWD = -100
LANDLOCK_CREATE_RULESET, VERSION = 444, 1


def landlock():
    return max(0, takeover._libc.syscall(LANDLOCK_CREATE_RULESET, None, 0, VERSION))


class Sandbox(TlsSite, Case):
    def setUp(self):
        super().setUp()
        self.receiver("b", serve="raw")
        # By number: to look a name up it would have to read /etc.
        text = self.text(f'handoff = "unix:{self.socket}"\n', head=HEAD, server="allowed_users = [0]\n")
        self.tls = self.tls_end(text)
        self.router = self.router(head=text)

    def visit(self, certificate):
        with python_tls(self.router.port(), "a.example", certificate) as client:
            client.sendall(b"echo")
            self.assertEqual(client.recv(4), b"echo")

    @unless_sanitized
    def test_it_says_at_the_start_what_is_confined(self):
        event = self.tls.wait_for(lambda me: [e for e in me.events if e.get("message") == "sandbox"], "it says so")[0]
        self.assertRegex(event["confined"], r"system calls but \d+, workers open no file$")

    def test_a_name_that_the_router_looks_up_is_none_of_its_own(self):
        text = self.tls.file.read_text()
        self.tls.reload(text + f'[[listener]]\naddress = "handoff:{self.folder}/inner.sock"\nallowed_users = ["daemon"]\n')
        self.assertRegex(self.tls.manager.status(), "^Serving ")

    @unless_sanitized
    @unittest.skipUnless(takeover.can and os.geteuid() == 0, "needs root and x86-64")
    def test_none_of_its_threads_is_a_way_out(self):
        self.visit(self.a)
        files = -errno.EACCES if landlock() >= 1 else None
        ports = -errno.EACCES if landlock() >= 4 else None
        victim = self.run_program(["sleep", "1000"])
        key = os.fsencode(self.live / "a/privkey.pem") + b"\0"
        elsewhere = os.fsencode(make_certificate(self.class_folder / "elsewhere", "c.example").parent / "privkey.pem") + b"\0"
        anywhere = struct.pack("=H", socket.AF_INET) + struct.pack("!H", 4433) + bytes(12)
        workers = []  # the threads that open no file, not even what the others read
        threads = sorted(int(one.name) for one in pathlib.Path(f"/proc/{self.tls.pid}/task").iterdir())
        self.assertGreater(len(threads), 3, "workers, the log, the guard")
        for thread in threads:
            with self.subTest(thread=thread), takeover.Thread(self.tls.pid, thread) as taken:
                fd = taken.call(SOCKET, socket.AF_INET, socket.SOCK_STREAM, 0)
                mine = [taken.call(OPENAT, AT_FDCWD, os.fsencode(path) + b"\0", os.O_RDONLY, 0)
                        for path in (self.tls.file, self.live / "a/privkey.pem")]  # what it reads at a reload
                for read in mine:
                    taken.call(3, read)
                if mine == [-errno.EPERM] * 2 and landlock() >= 2:
                    workers.append(thread)
                    self.assertEqual(taken.call(OPEN, os.fsencode(self.tls.file) + b"\0", os.O_RDONLY, 0), -errno.EPERM)
                else:
                    self.assertGreater(min(mine), 2)
                self.assertGreater(fd, 2)
                refused = -errno.EPERM if thread in workers else files
                expected = {
                    "a program": (taken.call(EXECVE, b"/bin/true\0", 0, 0), -errno.EPERM),
                    "a process": (taken.call(CLONE, signal.SIGCHLD, 0, 0, 0, 0), -errno.EPERM),
                    "a file": (taken.call(OPENAT, AT_FDCWD, b"/etc/passwd\0", os.O_RDONLY, 0), refused),
                    "a folder": (taken.call(OPENAT, AT_FDCWD, b"/\0", os.O_RDONLY | os.O_DIRECTORY, 0), refused),
                    "another's key": (taken.call(OPENAT, AT_FDCWD, elsewhere, os.O_RDONLY, 0), refused),
                    "a key of its own": (taken.call(OPENAT, AT_FDCWD, key, os.O_WRONLY, 0), refused),
                    "a signal": (taken.call(KILL, victim.pid, signal.SIGKILL), -errno.EPERM),
                    "a trace": (taken.call(PTRACE, takeover.PTRACE_SEIZE, victim.pid, 0, 0), -errno.EPERM),
                    "a port": (taken.call(BIND, fd, anywhere, 16), ports),
                }
                expected |= {name: (taken.call(number, 0, 0, 0, 0), -errno.ENOSYS) for name, number in UNUSED.items()}
                taken.call(3, fd)
            for what, (got, wanted) in expected.items():
                if wanted is not None:
                    self.assertEqual(got, wanted, what)
        self.assertEqual(len(workers), 2 if landlock() >= 2 else 0)
        self.assertNotIn(self.tls.pid, workers)  # which reads files at a reload, in a thread of its own
        self.assertTrue(victim.is_running())
        # It goes on, and reads new certificates.
        self.tls.reload()
        self.visit(self.a)
        new = make_certificate(self.live / "a", "a.example", "*.w.example")
        self.tls.reload()
        self.visit(new)


if __name__ == "__main__":
    main()
