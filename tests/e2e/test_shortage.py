# SPDX-License-Identifier: BSL-1.0
"""A machine that is short of threads, of memory or of IPv6: one line says so, and nothing is aborted."""

import contextlib
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import unittest

import harness
from harness import Case, router, unless_sanitized, wait_until
from harness.places import for_everybody

NOBODY_ELSE = 50_000 + os.getpid() % 10_000  # a user without any process, also of the next test like this
CONFIGURATION = """
[server]
workers = 3
[[listener]]
address = "127.0.0.1:0"
[backend.a]
handoff = "unix:/nowhere/a.sock"
[default]
backend = "a"
"""


class Shortage(Case):
    def setUp(self):
        super().setUp()
        for folder in (self.class_folder, self.folder):
            folder.chmod(0o755)
        self.file = self.folder / "router.toml"
        self.file.write_text(CONFIGURATION)
        self.file.chmod(0o644)
        self.program = for_everybody(pathlib.Path(router.SNIPASS).resolve())[0]

    def start(self, *before):
        """The router, as that user, and what it tells its manager."""
        manager = router.Manager(self.folder / "notify")
        os.chmod(manager.path, 0o777)
        process = subprocess.Popen(
            ["setpriv", "--reuid", str(NOBODY_ELSE), "--clear-groups", *before, self.program, "run", "--config", self.file],
            env={"NOTIFY_SOCKET": manager.path, "PATH": os.environ["PATH"]}, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        wait_until(lambda: process.poll() is not None or "READY=1" in manager.states, "it has started or ended")
        return process, manager

    def outcome(self, *before):
        """None: it has started; else its status and what it said."""
        process, manager = self.start(*before)
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        said = process.stderr.read()
        status = process.wait()
        started = "READY=1" in manager.states
        manager.close()
        return None if started else (status, said)

    @unless_sanitized
    @unittest.skipUnless(os.geteuid() == 0, "only root can become another user")
    def test_without_threads_the_start_ends_with_one_line(self):
        ends = [self.outcome("prlimit", f"--nproc={most}") for most in range(1, 12)]
        self.assertIsNone(ends[-1], "with threads enough it starts")
        failed = [end for end in ends if end is not None]
        self.assertGreaterEqual(len(failed), 3)
        for status, said in failed:
            self.assertEqual(status, 1, said)
            self.assertIn("snipass: ended: Resource temporarily unavailable; let it have more threads (TasksMax=", said)
            self.assertNotIn("terminate", said)

    @unless_sanitized
    @unittest.skipUnless(os.geteuid() == 0, "only root can become another user")
    def test_without_descriptors_the_start_ends_with_what_to_do(self):
        ended = 0
        for most in range(8, 100):
            end = self.outcome("prlimit", f"--nofile={most}")
            if end is None:
                break
            status, said = end
            if "snipass: ended: " in said:
                ended += 1
                self.assertEqual(status, 1, f"{most}: {said}")
                self.assertIn("; let it have more descriptors (LimitNOFILE= of its unit, ulimit -n)", said)
        self.assertGreater(ended, 0)

    @unless_sanitized
    @unittest.skipUnless(os.geteuid() == 0, "only root can become another user")
    def test_without_memory_the_start_ends_with_one_line(self):
        def loads(size):
            return subprocess.run(["prlimit", f"--as={size}", self.program, "--help"], capture_output=True).returncode == 0

        step = 1 << 20
        least = next(size for size in range(step, 1 << 30, step) if loads(size))
        failed = 0
        for size in range(least, 1 << 32, 2 * step):
            end = self.outcome("prlimit", f"--as={size}")
            if end is None:
                break
            failed += 1
            status, said = end
            self.assertEqual(status, 1, f"{size}: {said}")
            self.assertRegex(said, r"snipass: ended: |error: cannot be read: no memory|Cannot allocate memory")
            self.assertNotIn("terminate", said)
        self.assertGreater(failed, 0)

    @contextlib.contextmanager
    def without_memory(self):
        """A router whose half hellos take all of it: the process, its port, what it says, and the clients."""
        step = 1 << 20
        size = next(size for size in range(8 * step, 1 << 32, step) if self.outcome("prlimit", f"--as={size}") is None)
        process, manager = self.start("prlimit", f"--as={size}", "--nofile=20000")
        said, clients = [], []
        reader = threading.Thread(target=lambda: said.extend(process.stderr))
        reader.start()
        try:
            wait_until(lambda: any(" listening " in line for line in said), "it listens")
            port = int(re.search(r"address=\"?127.0.0.1:(\d+)", next(line for line in said if " listening " in line))[1])
            for _ in range(3_000):
                with contextlib.suppress(OSError):
                    clients.append(socket.create_connection(("127.0.0.1", port), 5))
                    clients[-1].sendall(b"\x16\x03\x01")
            yield process, port, said, clients
        finally:
            for client in clients:
                client.close()
            process.kill()
            process.wait()
            reader.join()
            manager.close()

    @unless_sanitized
    @unittest.skipUnless(os.geteuid() == 0, "only root can become another user")
    def test_clients_for_whom_there_is_no_memory_end_and_the_others_do_not(self):
        with self.without_memory() as (process, port, said, clients):
            self.assertIsNone(process.poll(), "".join(said[-5:]))
            for client in clients:
                client.close()
            wait_until(lambda: len(os.listdir(f"/proc/{process.pid}/fd")) < 100, "they are gone")
            for _ in range(10):  # each worker's turn
                with socket.create_connection(("127.0.0.1", port), 30) as client:
                    client.sendall(b"this is no hello")
                    with contextlib.suppress(ConnectionResetError):
                        self.assertEqual(client.recv(1), b"")

    @unless_sanitized
    @unittest.skipUnless(os.geteuid() == 0, "only root can become another user")
    def test_a_stop_is_in_order_while_clients_have_all_memory(self):
        with self.without_memory() as (process, _, said, _):
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(), 0, "".join(said[-5:]))

    @unless_sanitized
    def test_without_descriptors_the_start_fails_and_the_file_has_no_mistake(self):
        """With one more each time, until there are enough to find out that this machine has no such address."""
        self.file.write_text(CONFIGURATION.replace("127.0.0.1:0", "192.0.2.1:0"))
        all_said = ""
        for most in range(5, 100):
            ended = subprocess.run(["prlimit", f"--nofile={most}", self.program, "run", self.file], stderr=subprocess.PIPE, text=True, check=False)
            self.assertEqual(ended.returncode, 1, f"{most} descriptors: {ended.stderr}")
            all_said += ended.stderr
            if "192.0.2.1:0" in ended.stderr:
                break
        self.assertIn("192.0.2.1:0", ended.stderr)
        self.assertIn(f"{self.file}: error: cannot be read: Too many open files; let it have more descriptors (LimitNOFILE=", all_said)

    @unittest.skipUnless(os.geteuid() == 0, "only root can make a network")
    def test_ipv6_that_is_switched_off_is_called_that(self):
        self.file.write_text(CONFIGURATION.replace("127.0.0.1:0", "[::1]:9443"))
        without = ("unshare", "-n", "sh", "-c", 'sysctl -qw net.ipv6.conf.all.disable_ipv6=1 && ip link set lo up && exec "$@"', "sh")
        ended = subprocess.run([*without, self.program, "run", "--config", self.file], stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual(ended.returncode, 1)
        self.assertIn("IPv6 is switched off on this machine (net.ipv6.conf.all.disable_ipv6)", ended.stderr)

    def limit(self, process, threads=None, memory=None):
        """The soft limit, by the same user: root may lack CAP_SYS_RESOURCE."""
        what = f"--as={memory}:" if memory else f"--nproc={threads}:"
        subprocess.run(["setpriv", "--reuid", str(NOBODY_ELSE), "--clear-groups", "prlimit", f"--pid={process.pid}", what], check=True)

    @unless_sanitized
    @unittest.skipUnless(os.geteuid() == 0, "only root can become another user")
    def test_a_reload_without_memory_is_refused_and_the_router_goes_on(self):
        process, manager = self.start()
        said = []
        reader = threading.Thread(target=lambda: said.extend(process.stderr))
        reader.start()
        many = CONFIGURATION + "".join(f'[backend.b{i}]\nhandoff = "unix:/nowhere/{i}.sock"\n[[route]]\nnames = ["n{i}.example"]\nbackend = "b{i}"\n' for i in range(1_000))
        count, ends = 1, []
        for extra in (0, *(1 << power for power in range(17, 31))):
            for text, memory in ((many, None), (CONFIGURATION, "unlimited")):
                self.file.write_text(text)
                if memory is None:
                    with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
                        memory = extra + 1024 * next(int(line.split()[1]) for line in status if line.startswith("VmSize:"))
                self.limit(process, memory=memory)
                process.send_signal(signal.SIGHUP)
                count += 1
                wait_until(lambda: process.poll() is not None or manager.states.count("READY=1") >= count, "it is ready")
                self.assertIsNone(process.poll(), "".join(said[-5:]))
                ends.append(manager.status())
            self.assertRegex(ends[-1], "^Serving 1 listener, 0 routes")
            if ends[-2].startswith("Serving"):
                break
        # Where it is found that there is none is chance: for a thread, in the file, or beyond.
        self.assertRegex(ends[0], "^NOT RELOADED, .*: error: cannot be ")
        self.assertRegex(ends[-2], "^Serving 1 listener, 1000 routes")
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(), 0, "".join(said[-5:]))
        reader.join()
        manager.close()

    @unless_sanitized
    @unittest.skipUnless(os.geteuid() == 0, "only root can become another user")
    def test_a_reload_without_a_thread_is_refused_and_the_router_goes_on(self):
        process, manager = self.start()
        self.limit(process, "1")
        process.send_signal(signal.SIGHUP)
        manager.wait_for("READY=1", 2)
        self.assertRegex(manager.status(), "^NOT RELOADED, .*router.toml: error: cannot be read now: Resource temporarily unavailable")
        self.limit(process, "1000")
        process.send_signal(signal.SIGHUP)
        manager.wait_for("READY=1", 3)
        self.assertRegex(manager.status(), "^Serving ")
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(), 0, process.stderr.read())
        manager.close()


if __name__ == "__main__":
    harness.main()
