# SPDX-License-Identifier: BSL-1.0
"""A backend that takes handed-off sockets, as a process of its own (receiver_process.py), and what it reports."""

import pathlib
import signal
import subprocess
import sys

from .process import Watched

PROGRAM = pathlib.Path(__file__).with_name("receiver_process.py")


class Receiver(Watched):
    """protocol: stream or datagram; tcp or tcp-v2 (with a PROXY header) for proxied clients. serve: "https" (HTTP/1.1 with an echoing upgrade, and HTTP/2), "raw" (echoes the bytes
    as they are, the ClientHello included) or "once" (answers one byte and closes). manner: what it does with a stream
    handoff: "take", "decline", "silent" (accepts, never acknowledges), "deaf" (listens, never accepts)."""

    def __init__(self, path, name, certificate, key, *, protocol="stream", serve="https", manner="take", backlog=4096):
        self.path = pathlib.Path(path)
        self.path.unlink(missing_ok=True)
        self.name = name
        super().__init__(
            [sys.executable, "-u", PROGRAM, path, name, certificate, key, protocol, serve, manner, str(backlog)],
            stdin=subprocess.PIPE,
        )
        self.wait_for(lambda me: me.reported("listening"), "listening")

    @property
    def port(self):
        return self.reported("listening")[0]["address"][1]

    def reported(self, event):
        return [e for e in self.events if e["event"] == event]

    def taken(self, count=1):
        """The reports of the first clients it took."""
        return self.wait_for(lambda me: len(me.reported("taken")) >= count and me.reported("taken"), f"took {count} clients")

    def took(self, port):
        """Its report of the client that came from this port. It comes when it comes: after the client has its answer, too."""
        return self.wait_for(lambda me: [one for one in me.reported("taken") if (one.get("source") or one["peer"])[1] == port], f"took {port}")[0]

    def freeze(self):
        self.signal(signal.SIGSTOP)

    def thaw(self):
        self.signal(signal.SIGCONT)

    def close_clients(self):
        """Closes every raw client it has."""
        self.process.stdin.write(b"close\n")
        self.process.stdin.flush()
