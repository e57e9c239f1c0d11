# SPDX-License-Identifier: BSL-1.0
"""A router with [control], and the commands that ask it."""

import json
import os
import socket
import struct
import subprocess

from .case import HEAD, Case
from .clients import client_hello, read_all
from .places import SNIPASS
from .process import DEADLINE, wait_until

NAME = "blog.example.com"


def route(name, backend):
    return f'\n[[route]]\nnames = ["{name}"]\nbackend = "{backend}"\n'


class ControlCase(Case):
    """A router with a control socket, and the commands that ask it."""

    def setUp(self):
        super().setUp()
        self.path = self.folder / "control.sock"

    def head(self, extra="", server=""):
        return HEAD.replace("[server]", f"[server]\n{server}") + f'[control]\npath = "{self.path}"\n{extra}'

    def start(self, rest, **settings):
        return self.router(rest, head=self.head(**settings))

    def connect(self, *words, **options):
        """Its end is an RST: of one that has only closed its side nobody knows whether it waits for an answer."""
        client = super().connect(*words, **options)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return client

    def command(self, *words, env=None, file=None):
        """Exit status and what was printed, on whatever stream."""
        argv = [SNIPASS, words[0], "--config", str(file or self.folder / "router.toml"), *words[1:]]
        ran = subprocess.run(argv, capture_output=True, text=True, timeout=DEADLINE, check=False, env={**os.environ, **(env or {})})
        return ran.returncode, ran.stdout + ran.stderr

    def sessions(self, *words):
        status, text = self.command("sessions", "--json", *words)
        self.assertEqual(status, 0, text)
        return json.loads(text)["sessions"]

    def session(self, state, *words):
        """The only one, once it is in that state."""
        def find():
            found = self.sessions(*words)
            return found if [one["state"] for one in found] == [state] else None
        return wait_until(find, f"one session that is {state}")[0]

    def status(self):
        status, text = self.command("status", "--json")
        self.assertEqual(status, 0, text)
        return json.loads(text)

    def backend_of(self, name):
        (found,) = [one for one in self.status()["backends"] if one["name"] == name]
        return found

    def relay(self, router, server, name=NAME):
        """A client that is relayed, and the server's end of it."""
        client = self.connect(router, client_hello(name))
        connection, _ = server.accept()
        self.addCleanup(connection.close)
        return client, connection

    def server(self):
        server = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(server.close)
        server.settimeout(DEADLINE)
        return server

    def proxy(self, name, *servers, rest=""):
        addresses = ", ".join('"127.0.0.1:%d"' % one.getsockname()[1] for one in servers)
        return f"\n[backend.{name}]\nproxy = [{addresses}]\n{rest}\n"

    def visit(self, router, name=NAME):
        client = self.connect(router, client_hello(name))
        client.shutdown(socket.SHUT_WR)
        read_all(client)
