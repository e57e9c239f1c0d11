# SPDX-License-Identifier: BSL-1.0
"""A backend that tries to take the router's port with a client's socket, which the kernel counts as the router's own."""

import ctypes
import os
import socket
import struct
import subprocess
import sys

import harness
from harness import Case, client_hello, read_exactly

HELLO = client_hello("blog.example.com")

NOBODY = 65534

ACK = b"\x06"


class Thief:
    """Takes one client as a backend does, and tries to listen where the router listens, as nobody."""

    def __init__(self, path):
        self.taking = socket.socket(socket.AF_UNIX)
        self.taking.bind(str(path))
        self.taking.listen()
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)

    def run(self, places):
        """Prints what came of each place, and accepts until its standard input ends."""
        listeners = []
        for place in places:
            host, port = place.rsplit(",", 1)
            stolen = self.take_client()
            try:
                self.listen(stolen, host, int(port))
                listeners.append(stolen)
                print("listens on", place, flush=True)
            except OSError as error:
                print("refused:", place, error, flush=True)
        print("ready", flush=True)
        sys.stdin.read()
        print("accepted", sum(self.count(one) for one in listeners), flush=True)

    def take_client(self):
        connection, _ = self.taking.accept()
        _, descriptors, _, _ = socket.recv_fds(connection, 4096, 1)
        connection.sendall(ACK)
        return socket.socket(fileno=descriptors[0])

    @staticmethod
    def listen(stolen, host, port):
        unspecified = struct.pack("=H14x", socket.AF_UNSPEC)
        if ctypes.CDLL(None, use_errno=True).connect(stolen.fileno(), unspecified, len(unspecified)) != 0:
            raise OSError(ctypes.get_errno(), "connect")
        stolen.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        stolen.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if stolen.family == socket.AF_INET6 and ":" not in host:
            host = "::ffff:" + host
        stolen.bind((host, port))
        stolen.listen(1000)

    @staticmethod
    def count(listener):
        listener.setblocking(False)
        taken = []
        try:
            while True:
                taken.append(listener.accept())
        except BlockingIOError:
            return len(taken)


class PortTheft(Case):
    def setUp(self):
        super().setUp()
        self.receiver("blog", serve="raw")

    def rest(self, listen):
        return (f'[log]\nformat = "json"\n[server]\nworkers = {self.workers}\n[[listener]]\naddress = "{listen}"\n'
                '[[route]]\nnames = ["thief.example.com"]\nbackend = "thief"\n'
                '[[route]]\nnames = ["blog.example.com"]\nbackend = "blog"\n'
                + self.backend("thief") + self.backend("blog"))

    def attack(self, listen, places):
        snipass = self.router(self.rest(listen), head="", compare_descriptors=False)
        port = snipass.port(listen)
        thief = self.run_program([sys.executable, __file__, "thief", self.folder / "thief.sock",
                                  *(f"{place},{port}" for place in places)], stdin=subprocess.PIPE)
        bait = [self.connect(snipass, client_hello("thief.example.com"), listener=listen) for _ in places]
        thief.wait_for(lambda me: "ready" in me.lines, "it has tried")
        served = 0
        for _ in range(200):
            with socket.create_connection(("127.0.0.1", port), harness.DEADLINE) as client:
                client.sendall(HELLO)
                try:
                    served += read_exactly(client, len(HELLO)) == HELLO
                except (OSError, AssertionError):
                    break  # it waits in the thief's queue
        thief.process.stdin.close()
        thief.wait()
        self.assertEqual((served, thief.lines[-1]), (200, "accepted 0"), thief.lines)
        self.assertEqual([line for line in thief.lines if line.startswith("listens")], [])
        del bait

    def test_it_gets_no_client(self):
        for self.workers in (1, 2, 3):
            for listen, places in (("127.0.0.1:0", ["127.0.0.1", "0.0.0.0"]), ("0.0.0.0:0", ["127.0.0.1", "0.0.0.0"]),
                                   ("[::]:0", ["127.0.0.1", "::", "::1"])):
                with self.subTest(workers=self.workers, listen=listen):
                    self.attack(listen, places)
                self.doCleanups()
                self.setUp()


if __name__ == "__main__":
    if sys.argv[1:2] == ["thief"]:
        Thief(sys.argv[2]).run(sys.argv[3:])
    else:
        harness.main()
