# SPDX-License-Identifier: BSL-1.0
"""Machines that have one address in turn, each with a router and a backend that says everything again, and their clients."""

import socket
import subprocess

from . import namespace
from .case import Case
from .clients import client_hello, read_exactly
from .receiver import Receiver
from .router import Router

ADDRESS = "192.0.2.80"
HELLO = client_hello("www.example.com")


class Machine(namespace.Neighbour):
    """Whoever inherits it starts what moves the address."""

    def __init__(self, case, name, *cable):
        super().__init__(name, *cable)
        self.name, self.case = name, case
        case.addCleanup(self.close)
        self.folder = case.folder / name
        self.folder.mkdir()
        self.receiver = case.keep(self.inside(lambda: Receiver(self.folder / "site.sock", name, case.certificate, case.key, serve="raw")))

    def start_router(self, listener, rest=""):
        text = f"""
[log]
format = "json"
{rest}
[[listener]]
address = "{listener}:443"
[backend.site]
handoff = "unix:{self.receiver.path}"
[default]
backend = "site"
"""
        self.router = self.case.keep(self.inside(lambda: Router(self.folder, text)))

    def ports(self):
        """Of the clients that its backend has taken."""
        return {one["peer"][1] for one in self.receiver.reported("taken")}

    def cut_off(self):
        """No packet leaves or enters any more; the cable has current."""
        rules = "add table inet gone; add chain inet gone in { type filter hook input priority 0; policy drop; }; " \
                "add chain inet gone out { type filter hook output priority 0; policy drop; }"
        self.inside(lambda: subprocess.run(["nft", rules], check=True))


class Visited(Case):
    """self.client is the machine that clients come from."""

    def visit(self, patience=30):
        """A client that is served by whoever has the address."""
        connection = self.client.inside(lambda: socket.create_connection((ADDRESS, 443), patience))
        try:
            connection.sendall(HELLO)
            self.assertEqual(read_exactly(connection, len(HELLO)), HELLO)
        except BaseException:
            connection.close()
            raise
        return connection

    def keep_open(self, client):
        self.addCleanup(client.close)
        return client

    @staticmethod
    def is_served(client):
        try:
            client.sendall(b"still here")
            return read_exactly(client, 10) == b"still here"
        except (OSError, AssertionError, EOFError) as problem:
            print(f"{client}: {problem!r}")
            return False
