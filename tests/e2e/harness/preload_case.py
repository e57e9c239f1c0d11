# SPDX-License-Identifier: BSL-1.0
"""What the tests of the preload library share: small servers in Python, each of them a few lines."""
import contextlib
import os
import subprocess
import sys
import textwrap
from pathlib import Path

from . import handoff_sender
from .backend_case import BackendCase
from .places import RUN
from .receiver_checks import tcp_pair

PRELUDE = """
import errno, fcntl, os, resource, select, signal, socket, sys, time
path = sys.argv[1]
def say(*words): print(*words, flush=True)
def listen(address=("127.0.0.1", 443), family=socket.AF_INET, **options):
    s = socket.socket(family)
    if options.get("reuseport"): s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    s.bind(address); s.listen(64)
    return s
def attempt(function, *arguments):
    try: return function(*arguments)
    except OSError as error: return errno.errorcode[error.errno]
"""


class PreloadCase(BackendCase):
    def serve(self, code, *options, listen="443", **popen):
        """Runs `code` as a server; its lines come one by one with self.line()."""
        options = [*options, *(("--listen", listen) if listen else ()), *(() if "--from" in options else ("--from", "0"))]
        script = self.folder / "server.py"
        script.write_text(PRELUDE + textwrap.dedent(code))
        self.start_piped(RUN, self.socket, *options, "--", sys.executable, script, self.socket, **popen)

    def start_piped(self, *command, **popen):
        self.server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True, **popen)
        self.addCleanup(self.server.stdout.close)
        self.addCleanup(self.server.stdin.close)
        self.addCleanup(self.stop, self.server)

    def line(self):
        return self.server.stdout.readline().strip()

    def hand_over(self, *client, **kind):
        """An honest handoff. Returns the client's end."""
        far, near = tcp_pair(*client, **kind)
        self.addCleanup(far.close)
        # As a router does: on a machine that is busy the header may come too late for the server's patience (10 ms).
        outcomes = []
        while (not outcomes or outcomes[-1] == "refused") and len(outcomes) < 5:
            outcomes.append(handoff_sender.offer(str(self.socket), near))
        self.assertEqual(outcomes[-1], "taken", outcomes)
        return far

    def client_of(self, host):
        """A client's near end."""
        far, near = tcp_pair(host)
        self.addCleanup(far.close)
        self.addCleanup(near.close)
        return near

    def as_user(self, number, action):
        """What `action` returns in a process of that user."""
        child = os.fork()
        if child == 0:
            os.setuid(number)
            os._exit(0 if action() else 1)
        return os.waitpid(child, 0)[1] == 0

    def knock_as_a_stranger(self):
        self.assertTrue(self.as_user(65534, lambda: handoff_sender.connect(str(self.socket)).close() or True))

    def sockets(self):
        """The open sockets of the server, whatever the number of its descriptors."""
        found = set()
        for fd in Path(f"/proc/{self.server.pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                found.add(os.readlink(fd))
        return {target for target in found if target.startswith("socket:")}

    def children(self):
        return Path(f"/proc/{self.server.pid}/task/{self.server.pid}/children").read_text().split()

    def lie(self):
        far, near = tcp_pair()
        with far, near:
            return handoff_sender.tell(str(self.socket), "not a header", near)
