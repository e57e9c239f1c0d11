# SPDX-License-Identifier: BSL-1.0
"""What relayed clients may hold of what others need: how slowly they may read, the kernel's memory, and descriptors."""

import contextlib
import os
import re
import select
import socket
import struct
import threading

import harness
from harness import DEADLINE, Case, client_hello, read_all, read_exactly, unless_sanitized

HEAD = harness.case.HEAD.replace("workers = 2", "workers = 1")
HELLO = client_hello("far.example.com")
SMALL = 4096
MIB = 1 << 20


class Relayed(Case):
    """A backend that the test itself plays, and clients of it."""

    def start_router(self, rest="", more="", **options):
        self.far = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.far.settimeout(DEADLINE)
        self.addCleanup(self.far.close)
        address = "127.0.0.1:%d" % self.far.getsockname()[1]
        return self.router(f'[[route]]\nnames = ["far.example.com"]\nbackend = "far"\n[backend.far]\nproxy = "{address}"\n'
                           f"{rest}\n{more}", head=HEAD, **options)

    def pair(self, router, room=None):
        """A client that has said hello, with so much room for what it receives, and the backend's side of it."""
        client = socket.socket()
        self.addCleanup(client.close)
        if room:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        client.settimeout(DEADLINE)
        client.connect(("127.0.0.1", router.port()))
        client.sendall(HELLO[:11] + os.urandom(32) + HELLO[43:])
        backend, _ = self.far.accept()
        backend.settimeout(DEADLINE)
        self.addCleanup(backend.close)
        self.assertEqual(len(read_exactly(backend, len(HELLO))), len(HELLO))
        return client, backend

    def speak(self, connection):
        """Says more and more, for as long as somebody listens."""
        def run():
            with contextlib.suppress(OSError):
                while True:
                    connection.sendall(bytes(MIB))
        speaker = threading.Thread(target=run)
        speaker.start()
        self.addCleanup(speaker.join)
        self.addCleanup(self.silence, connection)

    def silence(self, connection):
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)


class Slow(Relayed):
    """min_rate: who takes next to nothing of what waits is as one who takes nothing."""
    RATE = 'idle_timeout = "2s"\nmin_rate = "8MiB"'  # 280 KB in this time

    def trickle(self, router, slow, other, end):
        """The slow one reads a byte now and then and says one, so that the connection is never idle."""
        def is_over():
            return bool(router.sessions(outcome="proxied"))
        self.speak(other)
        with contextlib.suppress(OSError):
            while not is_over():
                slow.recv(1)
                slow.send(b".")
                if select.select([other], [], [], 0.05)[0]:
                    other.recv(SMALL)
        self.assertEqual(router.session(outcome="proxied")["end"], end)

    def test_a_client_that_reads_a_byte_now_and_then_is_reset(self):
        router = self.start_router(self.RATE)
        client, backend = self.pair(router, SMALL)
        self.trickle(router, client, backend, "client_slow")

    def test_a_backend_that_reads_a_byte_now_and_then_is_reset(self):
        router = self.start_router(self.RATE)
        self.far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
        client, backend = self.pair(router)
        self.trickle(router, backend, client, "backend_slow")

    def test_who_takes_what_waits_may_be_silent_for_the_rest_of_the_time(self):
        """A long poll, a WebSocket: little is said, and taken at once."""
        router = self.start_router('idle_timeout = "1s"\nmin_rate = "64MiB"')
        client, backend = self.pair(router)
        for _ in range(25):  # a quarter of a second after the other: far more than the time in which it had to be fast
            for one, other in ((client, backend), (backend, client)):
                one.sendall(b"still here")
                self.assertEqual(read_exactly(other, 10), b"still here")
            select.select([], [], [], 0.1)
        self.assertEqual(router.sessions(outcome="proxied"), [])

    def test_without_a_rate_a_byte_now_and_then_will_do(self):
        router = self.start_router('idle_timeout = "1s"\nmin_rate = "0B"')
        client, backend = self.pair(router, SMALL)
        self.speak(backend)
        for _ in range(25):
            client.recv(1)
            client.send(b".")
            backend.recv(SMALL)
            select.select([], [], [], 0.1)
        self.assertEqual(router.sessions(outcome="proxied"), [])


class Memory(Relayed):
    CLIENTS = 8
    MOST = 14 * MIB  # for each, of the router's own sockets; without bounds it is some 28

    def held(self, router):
        """What the kernel holds in the router's connections: received and not read, to be sent and not acknowledged."""
        shown = self.run_program(["ss", "-tnmpOH", "state", "established"])
        shown.wait()
        found = [re.search(r"skmem:\(r(\d+),rb\d+,t\d+,tb\d+,f\d+,w(\d+)", line) for line in shown.lines
                 if f"pid={router.pid}," in line]
        return sum(int(one.group(1)) + int(one.group(2)) for one in found)

    @unless_sanitized  # a router that is slow moves less at once, of which the kernel keeps more for each byte
    def test_who_has_read_fast_and_stops_leaves_little_in_the_kernel(self):
        router = self.start_router()
        for _ in range(self.CLIENTS):
            client, backend = self.pair(router)
            self.speak(backend)
            heard, room = 0, bytearray(MIB)
            while heard < 32 * MIB:
                heard += client.recv_into(room)
        before, held = -1, 0
        while held != before:  # it is full
            select.select([], [], [], 0.3)
            before, held = held, self.held(router)
        print(f"the kernel holds {held / self.CLIENTS / MIB:.1f} MiB of each client that reads no more")
        self.assertLess(held, self.CLIENTS * self.MOST)


class Descriptors(Relayed):
    LIMIT = 128

    def router_with_few(self, more=""):
        limit = ["prlimit", f"--nofile={self.LIMIT}:{self.LIMIT}"]
        self.receiver("blog", serve="raw")
        head = '[[route]]\nnames = ["blog.example.com"]\nbackend = "blog"\n' + self.backend("blog", rest='hold = "0s"')
        return self.start_router('hold = "0s"', more=head + more, prefix=limit)

    def hand_off(self, router, count=10):
        hello = client_hello("blog.example.com")
        for _ in range(count):
            client = self.connect(router, hello)
            self.assertEqual(read_exactly(client, len(hello)), hello)
            client.close()

    def fill(self, router):
        """Relays that hold all they can, pipes too, until no more are taken."""
        while True:
            client = self.connect(router, HELLO[:11] + os.urandom(32) + HELLO[43:])
            if not select.select([self.far, client], [], [], DEADLINE)[0]:
                self.fail("neither relayed nor refused")
            if not select.select([self.far], [], [], 0)[0]:
                self.assertEqual(read_all(client)[0], b"")
                return
            backend, _ = self.far.accept()
            self.addCleanup(backend.close)
            backend.settimeout(0.02)
            with contextlib.suppress(OSError):
                while True:
                    backend.sendall(bytes(MIB))

    def test_handoffs_go_on_when_relays_have_all_the_descriptors_that_they_get(self):
        router = self.router_with_few()
        self.fill(router)
        self.hand_off(router)
        router.sessions(10, outcome="handed_off")

    def test_handoffs_go_on_while_clients_are_on_their_way_to_a_backend_that_is_silent(self):
        """Connections that are being made have a descriptor each, too, and are no relays yet."""
        silent = socket.socket()
        silent.bind(("127.0.0.1", 0))
        silent.listen(0)
        self.addCleanup(silent.close)
        full = []
        for _ in range(4):  # its backlog
            one = socket.socket()
            one.setblocking(False)
            self.addCleanup(one.close)
            with contextlib.suppress(BlockingIOError):
                one.connect(silent.getsockname())
            full.append(one)
        router = self.router_with_few(
            '\n[[route]]\nnames = ["silent.example.com"]\nbackend = "silent"\n[backend.silent]\n'
            f'proxy = "127.0.0.1:{silent.getsockname()[1]}"\nconnect_timeout = "1h"\nhold = "0s"\n')
        hello = client_hello("silent.example.com")
        clients = [self.connect(router, hello[:11] + os.urandom(32) + hello[43:]) for _ in range(self.LIMIT)]
        router.session(outcome="backend_max_pending")
        self.hand_off(router)
        for client in clients:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # its close() is an RST
            client.close()


if __name__ == "__main__":
    harness.main()
