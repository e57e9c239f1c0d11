# SPDX-License-Identifier: BSL-1.0
"""What strangers share, and one of them takes all of: the others are served all the same."""

import os
import socket
import struct
import threading

import harness
from harness import Case, client_hello, read_all, read_exactly, wait_until
from harness.hoarder import Hoarder

# Each worker has a part of a bound, and not exactly its part of the clients.
HEAD = harness.case.HEAD.replace("workers = 2", "workers = 1")
HELLO = client_hello("blog.example.com")
GREEDY = "127.0.0.1"
ROUTE = '[[route]]\nnames = ["blog.example.com"]\nbackend = "blog"\n'


def honest_sources(count):
    return [f"127.0.1.{number + 1}" for number in range(count)]


class Shares(Case):
    def wait_held(self, router, count):
        wait_until(lambda: router.descriptor_count() >= router.descriptors_at_start + count, f"{count} clients are held")

    def check_a_backend_that_is_away(self, router, greedy, honest):
        """Greedy and honest connect. 1,100 whole hellos of one source, then 100 of as many, then the backend comes back."""
        first = [greedy() for _ in range(1_100)]
        router.wait_counted(backend_max_pending=1_100 - 1_024)
        self.wait_held(router, 1_024)
        then = [honest(number) for number in range(1, 101)]
        displaced = 1_100 - 1_024 + 100
        router.wait_counted(accepted=1_100 + 100, backend_max_pending=displaced)
        sources = {line["client"].rpartition(":")[0] for line in router.sessions(outcome="backend_max_pending")}
        self.assertEqual(len(sources), 1)
        self.receiver("blog", serve="raw")
        for client in then:
            self.assertEqual(read_exactly(client, len(HELLO)), HELLO)
        router.wait_counted(handed_off=1_100 + 100 - displaced)
        for client in first + then:
            client.close()

    def test_a_backend_that_is_away_is_everybodys(self):
        router = self.router(ROUTE + self.backend("blog", rest='hold = "1h"'), head=HEAD)
        self.check_a_backend_that_is_away(
            router, lambda: self.connect(router, HELLO), lambda number: self.connect(router, HELLO, source=f"127.0.1.{number}"))

    def test_behind_a_balancer_the_source_is_the_header_s(self):
        router = self.router(ROUTE + self.backend("blog", rest='hold = "1h"'),
                             head=HEAD + 'accept_proxy_protocol = ["127.0.0.1"]\n')

        def by_balancer(source):
            return self.connect(router, f"PROXY TCP4 {source} 192.0.2.1 1024 443\r\n".encode() + HELLO)

        self.check_a_backend_that_is_away(
            router, lambda: by_balancer("198.51.100.1"), lambda number: by_balancer(f"203.0.113.{number}"))


class OneAfterTheOther(Case):
    """Four sources, with as many clients as there are places, then half, a third and a quarter of that, and a backend that pauses."""

    LIMIT = 24
    ATTACKERS = {"127.0.0.2": LIMIT, "127.0.0.3": LIMIT // 2, "127.0.0.4": LIMIT // 3, "127.0.0.5": LIMIT // 4}

    def start_router(self):
        self.hoarder = Hoarder(self.folder / "blog.sock")
        router = self.router(ROUTE + self.backend("blog", rest=f'hold = "1h"\nack_timeout = "1h"\nmax_pending = {self.LIMIT}'), head=HEAD)
        self.addCleanup(self.hoarder.stop)  # what lies in its queue is the router's to watch until then
        return router

    def attack(self, router):
        return [self.connect(router, HELLO, source=source) for source, count in self.ATTACKERS.items() for _ in range(count)]

    def test_they_shut_nobody_out(self):
        router = self.start_router()
        attackers = self.attack(router)
        honest = [self.connect(router, HELLO, source=source) for source in honest_sources(3)]
        come = len(attackers) + len(honest)
        router.wait_counted(accepted=come, backend_max_pending=come - self.LIMIT)  # who is displaced leaves at once
        acknowledged = self.hoarder.take()
        router.wait_counted(handed_off=self.LIMIT)
        self.assertEqual(len(acknowledged), self.LIMIT)
        served = [one.client.getpeername() for one in acknowledged]
        for client in honest:
            self.assertEqual(served.count(client.getsockname()), 1)

    def test_nobody_is_handed_over_twice_nor_lost_where_a_take_back_crosses_an_ack(self):
        router = self.start_router()
        acknowledged = []
        over = threading.Event()

        def serve():
            while not over.is_set():
                acknowledged.extend(self.hoarder.take(0.01))

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            clients = [client for _ in range(10) for client in self.attack(router)]
            wait_until(lambda: self.is_told(router.counters(), len(clients)), "each has its outcome")
        finally:
            over.set()
            thread.join()
        self.assertEqual(len(acknowledged), router.counters()["handed_off"])
        served = {one.client.getpeername() for one in acknowledged}
        self.assertEqual(len(served), len(acknowledged))
        for client in clients:
            if client.getsockname() not in served:
                self.assertEqual(read_all(client), (b"", "fin"))

    def is_told(self, counted, clients):
        return counted["accepted"] == clients == counted["handed_off"] + counted["backend_max_pending"]


class Relayed(Case):
    def start_router(self, limits, rest=""):
        self.backend_socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.backend_socket.settimeout(harness.DEADLINE)
        self.addCleanup(self.backend_socket.close)
        address = "127.0.0.1:%d" % self.backend_socket.getsockname()[1]
        head = HEAD.replace("workers = 1\n", f"workers = 1\n{limits}\n")
        return self.router(f'[default]\nbackend = "far"\n[backend.far]\nproxy = "{address}"\n{rest}', head=head)

    def relayed(self, router, source):
        client = self.connect(router, HELLO[:11] + os.urandom(32) + HELLO[43:], source=source)
        connection, _ = self.backend_socket.accept()
        self.addCleanup(connection.close)
        connection.sendall(b"here")
        self.assertEqual(read_exactly(client, 4), b"here")
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # its close() is an RST
        return client

    def refused(self, router, source, outcome):
        client = self.connect(router, HELLO, source=source)
        self.assertEqual(read_all(client)[0], b"")
        address, port = client.getsockname()
        self.assertEqual(router.session(client=f"{address}:{port}")["outcome"], outcome)

    def test_at_max_relayed_the_newest_of_the_largest_source_goes(self):
        router = self.start_router("max_relayed = 4")
        clients = [self.relayed(router, "127.0.0.1") for _ in range(4)]
        self.refused(router, "127.0.0.1", "max_relayed")
        other = self.relayed(router, "127.0.0.2")
        self.assertEqual(read_all(clients[3])[1], "reset")
        self.assertEqual(router.session(outcome="proxied")["end"], "displaced")
        clients[0].close()
        router.sessions(2, outcome="proxied")
        self.relayed(router, "127.0.0.1")
        for client in [*clients, other]:
            client.close()

    def test_a_source_has_max_relayed_per_source(self):
        router = self.start_router("max_relayed_per_source = 2")
        clients = [self.relayed(router, "127.0.0.1") for _ in range(2)]
        self.refused(router, "127.0.0.1", "max_relayed_source")
        self.relayed(router, "127.0.0.2")
        clients[0].close()
        router.session(outcome="proxied")
        self.relayed(router, "127.0.0.1")


if __name__ == "__main__":
    harness.main()
