# SPDX-License-Identifier: BSL-1.0
"""The router under test: the built binary (SNIPASS), its readiness, log, descriptors and memory."""

import os
import pathlib
import signal
import socket
import threading

from .places import SNIPASS
from .process import Watched, wait_until

SITE = """
[log]
format = "json"
[[listener]]
address = "{listen}"
[backend.site]
handoff = "unix:{socket}"
protocol = "{protocol}"
hold = "{hold}"
{backend}
[default]
backend = "site"
"""


def sanitizer():
    """What the router was built with, so that its memory says nothing: asan, tsan or nothing."""
    with open(SNIPASS, "rb") as file:
        program = file.read()
    return next((name for name in ("asan", "tsan") if f"__{name}_init".encode() in program), None)


def is_sanitized():
    return sanitizer() is not None


def unless_sanitized(test):
    """A test that a sanitizer's own memory and descriptors would spoil is none there."""
    return None if is_sanitized() else test


class Manager:
    """The receiving end of sd_notify(3), with a store for descriptors: `stored`, by their names."""

    def __init__(self, path):
        self.path = str(path)
        self.states = []
        self.stored = {}
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.path)
        self._socket.settimeout(0.1)
        self._closing = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        while not self._closing:
            try:
                message, descriptors, _, _ = socket.recv_fds(self._socket, 4096, 4)
            except TimeoutError:
                continue
            states = message.decode().split("\n")
            name = next((state.partition("=")[2] for state in states if state.startswith("FDNAME=")), "stored")
            if "FDSTORE=1" in states:
                self.stored.setdefault(name, []).extend(descriptors)
            if "FDSTOREREMOVE=1" in states:
                self._forget(name)
            self.states += states

    def _forget(self, name):
        for descriptor in self.stored.pop(name, []):
            os.close(descriptor)

    def wait_for(self, state, count=1):
        wait_until(lambda: self.states.count(state) >= count, f"{count} times {state}; told: {self.states}")

    def status(self):
        """What `systemctl status` would show."""
        return [state for state in self.states if state.startswith("STATUS=")][-1].removeprefix("STATUS=")

    def close(self):
        self._closing = True
        self._thread.join()
        for name in list(self.stored):
            self._forget(name)
        self._socket.close()
        pathlib.Path(self.path).unlink(missing_ok=True)


class Router(Watched):
    """`snipass run` (or another program that has its daemon) with the given configuration; ready when the constructor returns, unless ready=False."""

    def __init__(self, folder, configuration, *, env=None, prefix=(), arguments=(), pass_fds=(), ready=True, name="router",
                 program=None):
        self.file = pathlib.Path(folder) / f"{name}.toml"
        self.file.write_text(configuration)
        self.manager = Manager(pathlib.Path(folder) / f"{name}.notify")
        super().__init__(
            [*prefix, program or SNIPASS, "run", *arguments, "--config", self.file],
            env={"NOTIFY_SOCKET": self.manager.path, **(env or {})}, pass_fds=pass_fds,
        )
        self.descriptors_at_start = None
        if ready:
            self.wait_ready()

    def wait_ready(self, count=1):
        wait_until(lambda: "READY=1" in self.manager.states or not self.is_running(), "READY=1")
        if not self.is_running():
            self.wait()
            raise AssertionError("the router ended:\n" + "\n".join(self.lines))
        self.manager.wait_for("READY=1", count)
        if self.descriptors_at_start is None:
            self.descriptors_at_start = self.descriptor_count()

    # -- what it logs

    def port(self, listener="127.0.0.1:0"):
        """The port that a listener written with port 0 got."""
        def find(router):
            found = [e for e in router.events if e.get("message") == "listening" and e.get("listener") == listener]
            return found and int(found[-1]["address"].rpartition(":")[2])
        return self.wait_for(find, f"listening on {listener}")

    def sessions(self, count=0, **wanted):
        """The access log's lines with the wanted keys' values, once there are at least count."""
        def find(router):
            found = [e for e in router.events if e.get("event") == "session" and wanted.items() <= e.items()]
            return (found,) if len(found) >= count else None
        return self.wait_for(find, f"{count} sessions with {wanted}")[0]

    def session(self, **wanted):
        return self.sessions(1, **wanted)[-1]

    def counters(self):
        """What it has counted up to now."""
        def told(router):
            return [e for e in router.events if e.get("message") == "counters"]
        before = len(told(self))
        self.signal(signal.SIGUSR1)
        return self.wait_for(lambda me: told(me)[before:], "counters")[-1]

    def wait_counted(self, **wanted):
        """Of refused clients of one source not all have a line."""
        try:
            wait_until(lambda: wanted.items() <= self.counters().items(), "")
        except AssertionError:
            counted = {key: value for key, value in self.counters().items() if value}
            raise AssertionError(f"counted should be {wanted}, and are {counted}") from None

    # -- what it holds

    def descriptors(self):
        """What each descriptor is, without the long-lived sockets to datagram backends, one for each worker."""
        with open(f"/proc/{self.pid}/net/unix", encoding="ascii", errors="replace") as table:
            rows = [line.split() for line in table]
        channels = {f"socket:[{row[6]}]" for row in rows if row[4] == "0002"}
        folder = f"/proc/{self.pid}/fd"
        found = []
        for number in sorted(os.listdir(folder), key=int):
            try:
                what = os.readlink(f"{folder}/{number}")
            except FileNotFoundError:
                continue
            if what not in channels:
                found.append(f"{number}: {what}")
        return found

    def descriptor_count(self):
        return len(self.descriptors())

    def wait_descriptors(self, count):
        try:
            wait_until(lambda: self.descriptor_count() == count, "")
        except AssertionError:
            raise AssertionError(f"the router should hold {count} descriptors:\n" + "\n".join(self.descriptors())) from None

    def memory(self):
        """Resident anonymous memory in bytes: what it allocated, not what it mapped of its program."""
        with open(f"/proc/{self.pid}/status", encoding="ascii") as status:
            for line in status:
                if line.startswith("RssAnon:"):
                    return int(line.split()[1]) * 1024
        raise AssertionError("no RssAnon")

    def cpu_ticks(self):
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    # -- signals

    def rewrite(self, configuration):
        self.file.write_text(configuration)

    def reload(self, configuration=None):
        """SIGHUP; returns when the router says that it is done."""
        if configuration is not None:
            self.rewrite(configuration)
        done = self.manager.states.count("READY=1") + 1
        self.signal(signal.SIGHUP)
        self.manager.wait_for("READY=1", done)

    def terminate(self):
        """SIGTERM; the exit status."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def stop(self):
        super().stop()
        self.manager.close()


class SiteRouter(Router):
    """One listener and one backend; .address is where its clients connect to. Stopped where its `with` block ends."""

    def __init__(self, folder, socket, protocol="stream", hold="10s", listen="127.0.0.1:0", backend=""):
        super().__init__(folder, SITE.format(listen=listen, socket=socket, protocol=protocol, hold=hold, backend=backend), name=f"site-{id(self)}")
        self.address = (listen.rpartition(":")[0].strip("[]"), self.port(listen))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.terminate()
        self.stop()
