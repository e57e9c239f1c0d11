# SPDX-License-Identifier: BSL-1.0
"""Everything at once through restarts and reloads: short clients, relays that exchange numbered bytes, some of them half-closed, clients that
wait for the rest of their hello, and clients that are held. Nobody is lost, and no byte is wrong.

SNIPASS_LONG=1: fifty restarts, and 300 relays.
"""

import os
import socket
import threading
import time

from harness import DEADLINE, client_hello, main, of_another_client, read_exactly
from harness.case import HEAD
from harness.load import Load
from test_upgrade import Generations, numbered

LONG = bool(os.environ.get("SNIPASS_LONG"))
RESTARTS = 50 if LONG else 6
RELAYS = 300 if LONG else 30
CHUNK = 512  # numbers
BLOG = client_hello("blog.example.com")
AWAY = client_hello("away.example.com")
FAR = client_hello("far.example.com")

BACKENDS = """
[[route]]
names = ["blog.example.com"]
backend = "blog"
[[route]]
names = ["away.example.com"]
backend = "away"
"""


class Stream(threading.Thread):
    """One direction: numbered bytes from one socket come out of another, in their order, until the end."""

    def __init__(self, source, sink, done):
        super().__init__()
        self.source, self.sink, self.done, self.problem, self.count = source, sink, done, None, 0
        self.writer = threading.Thread(target=self.write)

    def write(self):
        number = 0
        try:
            while not self.done.is_set():
                self.source.sendall(numbered(CHUNK, number))
                number += CHUNK
                time.sleep(0.002)
            self.count = number
            self.source.shutdown(socket.SHUT_WR)
        except OSError as error:
            self.problem = f"said {number}: {error!r}"

    def run(self):
        self.writer.start()
        heard = 0
        try:
            while True:
                wanted = numbered(CHUNK, heard)
                got = read_exactly(self.sink, len(wanted))
                if got != wanted:
                    self.writer.join()
                    if got or heard != self.count:
                        self.problem = self.problem or f"of {self.count} heard {heard}, then {len(got)} bytes that are none of them"
                    return
                heard += CHUNK
        except OSError as error:
            self.problem = self.problem or f"heard {heard}: {error!r}"


class Campaign(Generations):
    head = HEAD.replace("workers = 2", 'workers = 2\nhello_timeout = "10m"')

    def setUp(self):
        super().setUp()
        self.configuration += BACKENDS + self.backend("blog", rest='hold = "60s"') + self.backend("away", rest='hold = "10m"')
        self.receiver("blog", serve="raw")

    def visit(self):
        hello = of_another_client(BLOG)
        with socket.create_connection(("127.0.0.1", self.port), DEADLINE) as client:
            client.sendall(hello)
            if read_exactly(client, len(hello)) != hello:
                raise AssertionError("it was not served")

    def one_that_waits(self, router):
        hello = of_another_client(BLOG)
        return self.connect(router, hello[:64]), hello

    def relays(self, router):
        """Each both ways, but that a third has said all that it has to say on one side."""
        quiet = threading.Event()
        quiet.set()
        streams = []
        for number in range(RELAYS):
            client, backend = self.pair(router, of_another_client(FAR))
            client.settimeout(DEADLINE)
            streams.append(Stream(client, backend, quiet if number % 6 == 0 else self.done))
            streams.append(Stream(backend, client, quiet if number % 6 == 3 else self.done))
        return streams

    def test_nobody_is_lost_and_no_byte_is_wrong(self):
        self.done = threading.Event()
        self.addCleanup(self.done.set)
        router = self.start()
        routers = [router]
        self.port = router.port()
        streams = self.relays(router)
        waiting = [self.one_that_waits(router) for _ in range(10)]
        held = [self.connect(router, of_another_client(AWAY)) for _ in range(10)]
        for stream in streams:
            stream.start()
        with Load(self.visit, threads=4) as load:
            for number in range(RESTARTS):
                router = self.restart(router)
                routers.append(router)
                if number % 2:
                    router.reload()
                waiting.append(self.one_that_waits(router))
                load.wait_for_more(20)
        self.done.set()
        for stream in streams:
            stream.join(DEADLINE)
        self.assertEqual([stream.problem for stream in streams if stream.problem or stream.is_alive()], [])
        print(f"{RESTARTS} restarts, {load.served} clients served, {sum(stream.count for stream in streams)} numbers through {RELAYS} relays")
        self.assertEqual(load.failures, [])
        for client, hello in waiting:
            client.sendall(hello[64:])
            self.assertEqual(read_exactly(client, len(hello)), hello)
        self.receiver("away", serve="raw")
        for client in held:
            self.assertEqual(len(read_exactly(client, len(AWAY))), len(AWAY))
        for one in routers:
            self.assertEqual(one.sessions(outcome="cut_off"), [])


if __name__ == "__main__":
    main()
