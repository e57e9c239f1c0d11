# SPDX-License-Identifier: BSL-1.0
"""Child processes that cannot outlive the test, and the lines they print."""

import ctypes
import json
import os
import pathlib
import signal
import subprocess
import threading
import time

DEADLINE = float(os.environ.get("SNIPASS_TEST_DEADLINE", "30"))

_libc = ctypes.CDLL(None)


def wait_until(predicate, what, deadline=DEADLINE):
    """Polls until predicate() is true and returns what it returned."""
    end = time.monotonic() + deadline
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline:.0f} s: {what}")
        time.sleep(0.005)


def is_listened_on(path):
    """A unix socket: it is there before somebody listens, and a connection would be the first that the server takes."""
    with open("/proc/net/unix", encoding="ascii", errors="replace") as table:
        accepts = "00010000"  # SO_ACCEPTCON
        return any(line.rstrip("\n").endswith(f" {path}") and line.split()[3] == accepts for line in table)


def _die_with_the_test():
    PR_SET_PDEATHSIG = 1
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Watched:
    """A child process; `lines` are those it printed, on both streams unless stderr is given, `events` those in JSON."""

    def __init__(self, argv, *, env=None, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, pass_fds=(), cwd=None):
        self.argv = [str(word) for word in argv]
        self.lines = []
        self.events = []
        self._changed = threading.Condition()
        self._ended = False
        self.process = subprocess.Popen(
            self.argv, env={**os.environ, **(env or {})}, stdin=stdin, stdout=subprocess.PIPE, stderr=stderr,
            pass_fds=pass_fds, cwd=cwd, preexec_fn=_die_with_the_test,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for raw in self.process.stdout:
            line = raw.decode(errors="replace").rstrip("\n")
            with self._changed:
                self.lines.append(line)
                if line.startswith("{"):
                    self.events.append(json.loads(line))
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    @property
    def pid(self):
        return self.process.pid

    def wait_for(self, find, what):
        """Waits until find(self) is true, and returns what it returned."""
        end = time.monotonic() + DEADLINE
        with self._changed:
            while True:
                value = find(self)
                if value:
                    return value
                left = end - time.monotonic()
                if self._ended or left <= 0:
                    why = "its output ended" if self._ended else f"not within {DEADLINE:.0f} s"
                    raise AssertionError(f"{self.argv[0]}: {what}: {why}; it printed:\n" + "\n".join(self.lines[-60:]))
                self._changed.wait(left)

    def signal(self, number):
        self.process.send_signal(number)
        if number == signal.SIGSTOP:  # its threads go on for a moment, each until it enters the kernel
            wait_until(lambda: set(self._thread_states()) <= set("Tt"), "all threads have stopped")

    def _thread_states(self):
        for stat in pathlib.Path(f"/proc/{self.process.pid}/task").glob("*/stat"):
            yield stat.read_text().rpartition(")")[2].split()[0]

    def wait(self, deadline=DEADLINE):
        """The exit status, after all output was read."""
        status = self.process.wait(deadline)
        self._reader.join(deadline)
        return status

    def is_running(self):
        return self.process.poll() is None

    def stop(self):
        """Ends it at once, whatever state it is in."""
        if self.is_running():
            self.process.kill()
        self.process.wait()
        self._reader.join()
        self.process.stdout.close()
        if self.process.stdin:
            self.process.stdin.close()
