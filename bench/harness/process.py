# SPDX-License-Identifier: BSL-1.0
"""A process of the benchmark, pinned to a CPU, and what it has used of the machine."""

import os
import pathlib
import signal
import subprocess
import time


class Process:
    """One program and its children. Ended at the latest when the benchmark ends."""

    def __init__(self, command, cpu, log, **options):
        self.name = pathlib.Path(command[0]).name
        self.log = log
        with open(log, "ab") as output:
            self.process = subprocess.Popen(
                [str(part) for part in command], stdout=options.pop("stdout", output), stderr=output,
                preexec_fn=lambda: os.sched_setaffinity(0, {cpu}), **options)

    @property
    def pid(self):
        return self.process.pid

    def pids(self):
        """The program and all below it."""
        found = [self.pid]
        for pid in found:
            for task in tasks(pid):
                try:
                    found += [int(child) for child in (task / "children").read_text().split()]
                except OSError:
                    pass  # it has ended
        return found

    def cpu_ns(self, without_main=False):
        """CPU time of all its threads: the first number of /proc/PID/task/TID/schedstat."""
        return sum(int(read(task / "schedstat", "0").split()[0]) for pid in self.pids() for task in tasks(pid)
                   if not without_main or task.name != str(pid))

    def own_cpu_ns(self):
        """Of the one that the figure is about, where a contender is several (terminators.py)."""
        return self.cpu_ns()

    def user_memory(self):
        """Bytes of memory that nobody else has: anonymous pages of the program and its children."""
        return self._sum("smaps_rollup", "Anonymous")

    def peak_memory(self):
        """Bytes that were resident at most (VmHWM). Unlike user_memory() it may be asked for at any time: smaps_rollup
        holds up whoever wants memory meanwhile."""
        return self._sum("status", "VmHWM")

    def _sum(self, file, field):
        """Bytes: the field's kilobytes in /proc/PID/file of the program and its children."""
        lines = [line for pid in self.pids() for line in read(pathlib.Path(f"/proc/{pid}/{file}"), "").splitlines()]
        return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(field + ":"))

    def descriptors(self):
        return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in self.pids())

    def is_running(self):
        return self.process.poll() is None

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self):
        if not self.is_running():
            return
        children = self.pids()[1:]
        self.process.terminate()
        try:
            self.process.wait(2)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for child in children:  # those whose parent went without them
            try:
                os.kill(child, signal.SIGKILL)
            except ProcessLookupError:
                pass


def tasks(pid):
    try:
        return list(pathlib.Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return []


def read(file, otherwise):
    try:
        return file.read_text()
    except OSError:
        return otherwise


def wait_until(condition, what, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(0.01)
