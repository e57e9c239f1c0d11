"""transparent = true: the backend sees the client's own address, and its answers find the way back.

The file runs itself again in a network namespace of its own, between two other machines: the client's and the backend's.
"""

import socket
import subprocess
import unittest

from harness import DEADLINE, Case, client_hello, read_all
from harness.namespace import Neighbour, run_in_namespace

CLIENT, OWN_FOR_CLIENT = "12.0.0.2", "12.0.0.1"
BACKEND, OWN_FOR_BACKEND = "11.0.0.2", "11.0.0.1"
HELLO = client_hello("far.example.com")


def may_be_transparent():
    with socket.socket() as one:
        try:
            one.setsockopt(socket.IPPROTO_IP, 19, 1)  # IP_TRANSPARENT
        except PermissionError:
            return False
    return True


@unittest.skipUnless(may_be_transparent(), "IP_TRANSPARENT takes CAP_NET_ADMIN")
class Transparent(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.client_machine = Neighbour("client", OWN_FOR_CLIENT, CLIENT, "11.0.0.0/24")
        cls.addClassCleanup(cls.client_machine.close)
        cls.backend_machine = Neighbour("backend", OWN_FOR_BACKEND, BACKEND, "12.0.0.0/24")
        cls.addClassCleanup(cls.backend_machine.close)

    def setUp(self):
        super().setUp()
        self.far = self.backend_machine.inside(lambda: socket.create_server((BACKEND, 0), backlog=16))
        self.far.settimeout(DEADLINE)
        self.addCleanup(self.far.close)
        self.port = self.far.getsockname()[1]

    def forwarder(self, rest):
        head = f'[log]\nformat = "json"\n[[listener]]\naddress = "{OWN_FOR_CLIENT}:0"\n'
        return self.router('[[route]]\nnames = ["far.example.com"]\nbackend = "far"\n[backend.far]\n'
                           f'proxy = ["{BACKEND}:{self.port}"]\n{rest}\n', head=head, compare_descriptors=False)

    def client(self, router):
        connection = self.client_machine.inside(lambda: socket.create_connection(
            (OWN_FOR_CLIENT, router.port(f"{OWN_FOR_CLIENT}:0")), DEADLINE))
        self.addCleanup(connection.close)
        connection.sendall(HELLO)
        return connection

    def route_answers_here(self):
        """As docs/backends.md has it: what the backend answers is delivered on this machine, whosever address it has."""
        for rule in (f"rule add iif backend ipproto tcp sport {self.port} lookup 100", "route add local default dev lo table 100"):
            subprocess.run(["ip", *rule.split()], check=True)
        self.addCleanup(subprocess.run, ["ip", "route", "flush", "table", "100"], check=True)
        self.addCleanup(subprocess.run, ["ip", "rule", "del", "lookup", "100"], check=True)

    def test_the_backend_sees_the_clients_address(self):
        self.route_answers_here()
        client = self.client(self.forwarder("transparent = true"))
        backend, peer = self.far.accept()
        backend.settimeout(DEADLINE)
        with backend:
            self.assertEqual(peer[0], CLIENT)
            self.assertEqual(backend.recv(4096), HELLO)
            backend.sendall(b"answer" * 100_000)
        self.assertEqual(read_all(client), (b"answer" * 100_000, "fin"))

    def test_without_it_the_backend_sees_the_router(self):
        client = self.client(self.forwarder("transparent = false"))
        backend, peer = self.far.accept()
        with backend:
            self.assertEqual(peer[0], OWN_FOR_BACKEND)
        client.close()

    def test_without_the_routes_a_connect_times_out_and_the_log_says_so(self):
        router = self.forwarder('transparent = true\nconnect_timeout = "200ms"\nhold = "0s"')
        self.assertEqual(read_all(self.client(router)), (b"", "fin"))
        self.assertEqual(router.session()["outcome"], "backend_silent")


if __name__ == "__main__":
    run_in_namespace()
