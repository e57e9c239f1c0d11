# SPDX-License-Identifier: BSL-1.0
"""The router confines itself: each of its threads is made to do what somebody would try who had taken it over."""

import contextlib
import ctypes
import errno
import os
import pathlib
import signal
import socket
import struct
import sys
import unittest

import harness
from harness import Case, client_hello, read_exactly, takeover, unless_sanitized, wait_until

LANDLOCK_CREATE_RULESET, VERSION = 444, 1
# x86-64
OPENAT, SOCKET, BIND, CONNECT, SENDTO, CLOSE, EXECVE, KILL, CLONE, PTRACE = 257, 41, 49, 42, 44, 3, 59, 62, 56, 101
MOUNT, FINIT_MODULE, BPF, USERFAULTFD, KEYCTL, UNSHARE, IO_URING_SETUP, PIDFD_OPEN = 165, 313, 321, 323, 250, 272, 425, 434
CHOWN = 92
AT_FDCWD, CLONE_NEWUSER, IPPROTO_MPTCP = -100, 0x10000000, 262
OLDER_KERNEL = (sys.executable, str(pathlib.Path(__file__).parent / "harness/older_kernel.py"))

HELLO = client_hello("blog.example.com")


def head_with(server=""):
    """`server` is what [server] has besides."""
    return harness.case.HEAD.replace("[log]", server + "\n[log]") + '[[route]]\nnames = ["blog.example.com"]\nbackend = "blog"\n'


def landlock():
    return max(0, ctypes.CDLL(None).syscall(LANDLOCK_CREATE_RULESET, None, 0, VERSION))


def ipv4(port):
    return struct.pack("=H", socket.AF_INET) + struct.pack("!H", port) + socket.inet_aton("127.0.0.1") + bytes(8)


class Sandbox(Case):
    def start_router(self, server="", **options):
        self.receiver("blog", serve="raw")
        return self.router(self.backend("blog"), head=head_with(server), **options)

    def visit(self, snipass):
        client = self.connect(snipass, HELLO)
        self.assertEqual(read_exactly(client, len(HELLO)), HELLO)

    def event(self, snipass):
        return snipass.wait_for(lambda me: [e for e in me.events if e.get("message") == "sandbox"], "it says so")[0]

    def confined(self, snipass):
        return self.event(snipass)["confined"]

    def refusal(self, snipass, of=""):
        """What the log says of a reload that the sandbox has no room for. Its lines come after the reload's end."""
        why = "no room for this: " + of
        return snipass.wait_for(lambda me: [e["message"] for e in me.events if why in e.get("message", "")], "why not")[-1]

    def states(self, snipass):
        for status in pathlib.Path(f"/proc/{snipass.pid}/task").glob("*/status"):
            fields = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
            yield fields["NoNewPrivs"], fields["Seccomp"]

    @unless_sanitized
    def test_it_says_at_the_start_what_is_confined(self):
        snipass = self.start_router()
        self.assertIn("system calls", self.confined(snipass))
        self.assertEqual("files" in self.confined(snipass), landlock() > 0)
        self.assertEqual(set(self.states(snipass)), {("1", "2")})

    def test_listeners_that_overlap_start_in_it(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        head = head_with().replace('address = "127.0.0.1:0"', f'address = "[::]:{port}"\n[[listener]]\naddress = "127.0.0.1:{port}"')
        self.receiver("blog", serve="raw")
        router = self.router(self.backend("blog"), head=head)
        router.wait_for(lambda me: [e for e in me.events if e.get("message") == "serving"], "serves")

    def test_off_is_off(self):
        snipass = self.start_router('sandbox = "off"')
        self.assertEqual(self.confined(snipass), "off")
        self.assertEqual({seccomp for _, seccomp in self.states(snipass)}, {"0"})

    @unless_sanitized
    def test_without_landlock_it_says_so_and_starts_unless_the_file_requires_it(self):
        snipass = self.start_router('sandbox = "on"', prefix=OLDER_KERNEL)
        self.assertEqual(self.event(snipass)["level"], "warn")
        self.assertEqual(self.confined(snipass), "no Landlock on this kernel: files, ports and signals are not confined, system calls")
        self.visit(snipass)
        snipass.terminate()
        refused = self.router(self.backend("blog"), head=head_with('sandbox = "required"'), name="required", prefix=OLDER_KERNEL,
                              ready=False, compare_descriptors=False)
        self.assertEqual(refused.wait(), 1)
        self.assertIn("not started: this system cannot confine all", "\n".join(refused.lines))
        if landlock() >= 6:
            self.visit(self.router(self.backend("blog"), head=head_with('sandbox = "required"'), name="whole"))

    @unless_sanitized
    @unittest.skipUnless(takeover.can and os.geteuid() == 0, "needs root and x86-64")
    def test_none_of_its_threads_is_a_way_out(self):
        snipass = self.start_router()
        service = self.enterContext(contextlib.closing(socket.create_server(("127.0.0.1", 0))))
        port = service.getsockname()[1]
        threads = sorted(int(one) for one in os.listdir(f"/proc/{snipass.pid}/task"))
        self.assertGreater(len(threads), 3, "workers, the log, the guard")
        files = -errno.EACCES if landlock() >= 1 else None
        ports = -errno.EACCES if landlock() >= 4 else None
        victim = self.run_program(["sleep", "1000"])
        escaped = self.folder.parent / "escaped"
        for thread in threads:
            with self.subTest(thread=thread), takeover.Thread(snipass.pid, thread) as taken:
                fd = taken.call(SOCKET, socket.AF_INET, socket.SOCK_STREAM, 0)
                self.assertGreater(fd, 2)
                expected = {
                    "a program": (taken.call(EXECVE, b"/bin/true\0", 0, 0), -errno.EPERM),
                    "a process": (taken.call(CLONE, signal.SIGCHLD, 0, 0, 0, 0), -errno.EPERM),
                    "a file": (taken.call(OPENAT, AT_FDCWD, b"/etc/passwd\0", os.O_RDONLY, 0), files),
                    "a new file": (taken.call(OPENAT, AT_FDCWD, os.fsencode(escaped) + b"\0", os.O_CREAT | os.O_WRONLY, 0o600), files),
                    "the configuration": (taken.call(OPENAT, AT_FDCWD, os.fsencode(snipass.file) + b"\0", os.O_WRONLY, 0), files),
                    "a signal": (taken.call(KILL, victim.pid, signal.SIGKILL), -errno.EPERM),
                    "a handle of a process": (taken.call(PIDFD_OPEN, victim.pid, 0), -errno.EPERM),
                    "a trace": (taken.call(PTRACE, takeover.PTRACE_SEIZE, victim.pid, 0, 0), -errno.EPERM),
                    "a connection": (taken.call(CONNECT, fd, ipv4(port), 16), ports),
                    "a connection by its first bytes": (
                        taken.call(SENDTO, fd, b"x", 1, socket.MSG_FASTOPEN, ipv4(port), 16), -errno.EPERM),
                    "a connection by another protocol": (
                        taken.call(SOCKET, socket.AF_INET, socket.SOCK_STREAM, IPPROTO_MPTCP), -errno.EPERM),
                    "another port": (taken.call(BIND, fd, ipv4(port + 1 if port < 65535 else 1024), 16), ports),
                    "a connection by a protocol of another kind": (
                        taken.call(SOCKET, socket.AF_INET, socket.SOCK_SEQPACKET, 0), -errno.EPERM),
                    "an owner": (taken.call(CHOWN, os.fsencode(snipass.file) + b"\0", 65534, 65534), -errno.EPERM),
                    "packets": (taken.call(SOCKET, socket.AF_PACKET, socket.SOCK_RAW, 0), -errno.EPERM),
                    "a mount": (taken.call(MOUNT, b"none\0", b"/mnt\0", b"tmpfs\0", 0, 0), -errno.EPERM),
                    "a namespace": (taken.call(UNSHARE, CLONE_NEWUSER), -errno.EPERM),
                    "a module": (taken.call(FINIT_MODULE, -1, b"\0", 0), -errno.EPERM),
                    "a program in the kernel": (taken.call(BPF, 0, 0, 0), -errno.EPERM),
                    "page faults": (taken.call(USERFAULTFD, 0), -errno.EPERM),
                    "keys": (taken.call(KEYCTL, 0, 0, 0, 0, 0), -errno.EPERM),
                    "a ring": (taken.call(IO_URING_SETUP, 1, 0), -errno.EPERM),
                }
                taken.call(CLOSE, fd)
                for what, (answer, refused) in expected.items():
                    if refused is not None:
                        self.assertEqual(answer, refused, what)
        self.assertTrue(victim.is_running())
        self.assertFalse(escaped.exists())
        self.visit(snipass)  # and it has noticed nothing

    @unless_sanitized
    @unittest.skipUnless(landlock() >= 1, "this kernel has no Landlock")
    def test_that_it_forbids_a_file_that_has_moved_is_what_the_manager_hears(self):
        snipass = self.start_router()
        moved = self.folder.parent / "elsewhere" / "router.toml"
        moved.parent.mkdir(exist_ok=True)
        moved.write_text(snipass.file.read_text())
        snipass.file.unlink()
        snipass.file.symlink_to(moved)
        snipass.signal(signal.SIGHUP)
        wait_until(lambda: snipass.manager.status().startswith("NOT RELOADED"), "it is not reloaded")
        self.assertIn("restart snipass", snipass.manager.status())
        self.assertNotIn("Permission denied", snipass.manager.status())

    @unless_sanitized
    @unittest.skipUnless(landlock() >= 4, "this kernel's Landlock knows nothing of TCP")
    def test_a_reload_that_needs_another_port_is_refused_and_says_so(self):
        snipass = self.start_router()
        before = snipass.file.read_text()
        snipass.reload(before + '[backend.far]\nproxy = ["127.0.0.1:1"]\n[default]\nbackend = "far"\n')
        line = before.count("\n") + 2
        refusal = rf'toml:{line}:10: error: .*backend "far" is at another port, 1; restart snipass \(systemctl restart snipass\)'
        self.assertRegex(self.refusal(snipass), refusal)
        self.assertRegex(snipass.manager.status(), f"^NOT RELOADED, the configuration before goes on: .*{refusal}")
        self.visit(snipass)
        snipass.reload(before + '[[listener]]\naddress = "127.0.0.1:1"\n')
        self.assertRegex(self.refusal(snipass, "listener"), rf'toml:{line}:11: error: .*listener "127.0.0.1:1" listens on another port, 1; restart')
        self.assertIn('listener "127.0.0.1:1"', snipass.manager.status())
        snipass.reload(before.replace("[backend.blog]", '[backend.blog]\nuser = "daemon"'))
        self.assertRegex(snipass.manager.status(), r'the user "daemon" cannot be looked up: Permission denied\. The sandbox .* '
                                                   r'restart snipass \(systemctl restart snipass\), or write the number')
        snipass.reload(before)
        self.assertRegex(snipass.manager.status(), "^Serving ")
        wait_until(lambda: [e for e in snipass.events if e.get("message") == "serving"][1:], "it is reloaded")
        self.visit(snipass)

    def test_a_reload_that_brings_snipass_tls_needs_no_restart(self):
        """Whoever may hand clients to snipass-tls, the router need not look up."""
        snipass = self.start_router()
        before = snipass.file.read_text()
        for keys in ("", 'allowed_users = ["daemon"]'):
            with self.subTest(keys=keys):
                snipass.reload(before + f'[backend.shop]\nhandoff = "unix:{self.folder}/shop.sock"\ntls = "terminate"\n'
                               f'[default]\nbackend = "shop"\n[tls]\ncertificates = ["/etc/snipass/live/*"]\n{keys}\n')
                self.assertRegex(snipass.manager.status(), "^Serving ")
        self.visit(snipass)

    @unless_sanitized
    @unittest.skipUnless(landlock() >= 1, "this kernel has no Landlock")
    def test_a_file_that_is_replaced_is_read_and_one_in_another_folder_is_not(self):
        self.receiver("blog", serve="raw")
        for name in ("one", "two"):
            (self.folder / name).mkdir()
        current = self.folder / "current"
        current.symlink_to("one")
        snipass = self.router(self.backend("blog"), head=head_with(), folder=current)

        def reload(file, what, count):
            other = self.folder / "new.toml"
            other.write_text(snipass.file.read_text().replace("workers = 2", "workers = 2\nmax_waiting = 99"))
            other.rename(file)
            snipass.process.send_signal(signal.SIGHUP)
            snipass.wait_for(lambda me: len([e for e in me.events if what in e.get("message", "")]) >= count, what)

        reload(self.folder / "one/router.toml", "serving", 2)
        self.visit(snipass)
        (self.folder / "two/router.toml").write_text(snipass.file.read_text())
        link = self.folder / "link"
        link.symlink_to("two")
        link.rename(current)
        reload(self.folder / "two/router.toml", "not reloaded", 1)
        self.assertIn(f"it was not in the folder {self.folder / 'two'} at the start; restart", self.refusal(snipass))
        self.visit(snipass)

    def test_names_are_resolved_and_ja4_is_told_in_it(self):
        backend = self.receiver("far", protocol="tcp", serve="raw")
        snipass = self.router(
            f'[[route]]\nnames = ["far.example.com"]\nbackend = "far"\n[backend.far]\nproxy = ["localhost:{backend.port}"]\n',
            head=head_with().replace('format = "json"', 'format = "json"\nhello = true').replace(
                '[[route]]\nnames = ["blog.example.com"]\nbackend = "blog"\n', ""))
        hello = client_hello("far.example.com")
        client = self.connect(snipass, hello)
        self.assertEqual(read_exactly(client, len(hello)), hello)
        client.close()
        line = snipass.session(backend="far")
        self.assertEqual(line["outcome"], "proxied")
        self.assertRegex(line["ja4"], "^t13")


if __name__ == "__main__":
    harness.main()
