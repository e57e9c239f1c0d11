# SPDX-License-Identifier: BSL-1.0
"""Signals that come while the file is being read, however long that takes, and descriptors that nobody gave."""

import contextlib
import fcntl
import os
import signal
import sys

import harness
from harness import Case, Watched, router, wait_until

CONFIGURATION = """
[server]
workers = 1
[log]
format = "json"
[[listener]]
address = "127.0.0.1:0"
[backend.a]
handoff = "unix:/nowhere/a.sock"
[default]
backend = "a"
"""


@contextlib.contextmanager
def slow(file):
    """Who opens the file waits until the context ends (a lease, fcntl(2)); gives a function that waits for somebody."""
    descriptor = os.open(file, os.O_RDWR)
    handler = signal.signal(signal.SIGIO, lambda *_: None)  # "somebody wants it", which is asked for below
    fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_WRLCK)
    try:
        yield lambda: wait_until(lambda: fcntl.fcntl(descriptor, fcntl.F_GETLEASE) != fcntl.F_WRLCK, "the file is opened")
    finally:
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        signal.signal(signal.SIGIO, handler)
        os.close(descriptor)


class WhileTheFileIsRead(Case):
    def setUp(self):
        super().setUp()
        self.file = self.folder / "router.toml"
        self.file.write_text(CONFIGURATION)

    def begin(self, **options):
        self.manager = self.start_manager()
        return self.keep(Watched([router.SNIPASS, "run", "--config", self.file],
                                  env={"NOTIFY_SOCKET": self.manager.path, **options.pop("env", {})}, **options))

    def start_manager(self):
        manager = router.Manager(self.folder / "notify")
        self.addCleanup(manager.close)
        return manager

    def life(self):
        return [state for state in self.manager.states if state in ("READY=1", "RELOADING=1", "STOPPING=1")]

    def test_a_hangup_before_it_is_ready_is_one_reload_after_it(self):
        with slow(self.file) as wait_for_reader:
            snipass = self.begin()
            wait_for_reader()
            for _ in range(3):
                snipass.signal(signal.SIGHUP)
        self.manager.wait_for("READY=1", 2)
        self.assertEqual(self.life(), ["READY=1", "RELOADING=1", "READY=1"])
        snipass.signal(signal.SIGTERM)
        self.assertEqual(snipass.wait(), 0)

    def test_the_counters_are_told_when_there_are_any(self):
        with slow(self.file) as wait_for_reader:
            snipass = self.begin()
            wait_for_reader()
            snipass.signal(signal.SIGUSR1)
        self.manager.wait_for("READY=1")
        snipass.wait_for(lambda me: [e for e in me.events if e["message"] == "counters"], "the counters")

    def test_asked_to_end_it_does_not_wait_for_the_file(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(signal=number.name), slow(self.file) as wait_for_reader:
                snipass = self.begin()
                wait_for_reader()
                snipass.signal(number)
                self.assertEqual(snipass.wait(), 0)
            self.doCleanups()

    def test_what_means_nothing_to_it_does_not_end_it(self):
        with slow(self.file) as wait_for_reader:
            snipass = self.begin()
            wait_for_reader()
            for number in (signal.SIGPIPE, signal.SIGXFSZ):
                snipass.signal(number)
        self.manager.wait_for("READY=1")
        for number in (signal.SIGPIPE, signal.SIGXFSZ):
            snipass.signal(number)
        snipass.signal(signal.SIGTERM)
        self.assertEqual(snipass.wait(), 0)

    def test_signals_that_its_parent_has_blocked_are_heard_all_the_same(self):
        everything = {signal.SIGHUP, signal.SIGTERM, signal.SIGUSR1}
        before = signal.pthread_sigmask(signal.SIG_BLOCK, everything)  # which a child inherits
        try:
            snipass = self.begin()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        self.manager.wait_for("READY=1")
        snipass.signal(signal.SIGTERM)
        self.assertEqual(snipass.wait(), 0)

    def test_a_hangup_while_a_reload_reads_is_one_more(self):
        snipass = self.begin()
        self.manager.wait_for("READY=1")
        with slow(self.file) as wait_for_reader:
            snipass.signal(signal.SIGHUP)
            wait_for_reader()
            for _ in range(3):
                snipass.signal(signal.SIGHUP)
        self.manager.wait_for("READY=1", 3)
        self.assertEqual(self.life(), ["READY=1"] + 2 * ["RELOADING=1", "READY=1"])

    def test_a_stop_while_a_reload_reads_does_not_wait_for_it(self):
        snipass = self.begin()
        self.manager.wait_for("READY=1")
        with slow(self.file) as wait_for_reader:
            snipass.signal(signal.SIGHUP)
            wait_for_reader()
            snipass.signal(signal.SIGTERM)
            self.assertEqual(snipass.wait(), 0)
        self.assertIn('"stopped"', snipass.lines[-1])

    def test_the_watchdog_is_fed_while_the_file_is_read(self):
        with slow(self.file) as wait_for_reader:
            snipass = self.begin(env={"WATCHDOG_USEC": "100000"})
            wait_for_reader()
            self.manager.wait_for("WATCHDOG=1", 5)
            self.assertEqual(self.life(), [])
        self.manager.wait_for("READY=1")
        with slow(self.file) as wait_for_reader:
            snipass.signal(signal.SIGHUP)
            wait_for_reader()
            self.manager.wait_for("WATCHDOG=1", self.manager.states.count("WATCHDOG=1") + 5)
        self.manager.wait_for("READY=1", 2)


class StandardDescriptors(Case):
    def test_those_that_are_closed_at_the_start_are_nobodys_files(self):
        file = self.folder / "router.toml"
        file.write_text(CONFIGURATION)
        for closed in ((0,), (1,), (2,), (0, 1, 2)):
            with self.subTest(closed=closed):
                closer = f"import os, sys\nfor fd in {closed}: os.close(fd)\nos.execv(sys.argv[1], sys.argv[1:])"
                manager = router.Manager(self.folder / "notify")
                self.addCleanup(manager.close)
                snipass = self.keep(Watched([sys.executable, "-c", closer, router.SNIPASS, "run", "--config", file],
                                             env={"NOTIFY_SOCKET": manager.path}))
                manager.wait_for("READY=1")
                for fd in range(3):
                    now = os.readlink(f"/proc/{snipass.pid}/fd/{fd}")
                    self.assertEqual(now == "/dev/null", fd in closed or fd == 0, f"{fd}: {now}")
                self.doCleanups()


if __name__ == "__main__":
    harness.main()
