# SPDX-License-Identifier: BSL-1.0
"""What strangers share, and one of them takes all of: the others are served all the same."""

import array
import os
import select
import socket
import struct
import threading

import harness
from harness import Case, client_hello, read_all, read_exactly, wait_until

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
        router.sessions(1_100 - 1_024, outcome="backend_max_pending")
        self.wait_held(router, 1_024)
        then = [honest(number) for number in range(1, 101)]
        displaced = router.sessions(1_100 - 1_024 + 100, outcome="backend_max_pending")
        self.assertEqual(len({line["client"].rpartition(":")[0] for line in displaced}), 1)
        self.receiver("blog", serve="raw")
        for client in then:
            self.assertEqual(read_exactly(client, len(HELLO)), HELLO)
        router.sessions(1_100 + 100 - len(displaced), outcome="handed_off")
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


class Hoarder:
    """A backend that lets clients lie in its queue, until it is told to take them."""

    def __init__(self, path, kind=socket.SOCK_STREAM):
        self.path, self.kind = path, kind
        self.taken, self.connections = [], []
        self.socket = self.bound()

    def bound(self):
        self.path.unlink(missing_ok=True)
        one = socket.socket(socket.AF_UNIX, self.kind)
        one.bind(str(self.path))
        if self.kind == socket.SOCK_STREAM:
            one.listen(4096)
        one.settimeout(0.2)
        return one

    def accept_unread(self, say=b""):
        """Accepts all who have come, says this, and reads nothing."""
        while select.select([self.socket], [], [], 0.2)[0]:
            self.connections.append(self.socket.accept()[0])
            if say:
                self.connections[-1].send(say)

    def read(self, connection):
        data, messages, _, _ = connection.recvmsg(65536, socket.CMSG_SPACE(4))
        self.taken += [socket.socket(fileno=number) for one in messages for number in array.array("i", one[2])]
        return data

    def take(self):
        """Reads all that lies there."""
        for one in self.connections:
            self.read(one)
        while select.select([self.socket], [], [], 0.2)[0]:
            if self.kind == socket.SOCK_DGRAM:
                self.read(self.socket)
                continue
            connection = self.socket.accept()[0]
            self.connections.append(connection)
            self.read(connection)
            try:
                connection.send(b"\x06")
            except BrokenPipeError:
                pass  # it was too late

    def stop(self):
        for one in [self.socket, *self.connections, *self.taken]:
            one.close()


class Unanswered(Case):
    """A backend that does not answer is sent no more than its share: the kernel counts for all backends together."""

    LIMIT = 8
    BACKEND = f'hold = "0s"\nack_timeout = "100ms"\nmax_unanswered = {LIMIT}'

    def hoarder(self, kind=socket.SOCK_STREAM):
        self.kept = Hoarder(self.folder / "blog.sock", kind)
        return self.kept

    def start_router(self, backend=BACKEND, protocol="stream"):
        router = self.router(ROUTE + self.backend("blog", protocol=protocol, rest=backend), head=HEAD)
        self.addCleanup(self.kept.stop)  # what lies in its queue is the router's to watch until then
        return router

    def send(self, router, count, outcome):
        for _ in range(count):
            client = self.connect(router, HELLO)
            address, port = client.getsockname()
            self.assertEqual(router.session(client=f"{address}:{port}")["outcome"], outcome)

    def test_it_is_sent_no_more_until_it_has_read(self):
        hoarder = self.hoarder()
        router = self.start_router()
        self.send(router, self.LIMIT, "backend_silent")
        self.send(router, 1, "backend_overdue")
        self.assertIn("max_unanswered", router.session(outcome="backend_overdue")["detail"])
        hoarder.accept_unread()
        self.send(router, 1, "backend_overdue")  # it has accepted, and read nothing
        hoarder.take()
        router.wait_descriptors(router.descriptors_at_start)
        self.send(router, 1, "backend_silent")

    def test_a_reload_gives_it_no_more(self):
        self.hoarder()
        router = self.start_router()
        self.send(router, self.LIMIT, "backend_silent")
        router.reload()
        self.send(router, 1, "backend_overdue")

    def test_whatever_it_answers(self):
        hoarder = self.hoarder()
        router = self.start_router(self.BACKEND.replace("100ms", "1s"))
        for _ in range(self.LIMIT):
            client = self.connect(router, HELLO)
            hoarder.accept_unread(b"?")
            self.assertEqual(read_all(client)[1], "fin")
        self.send(router, 1, "backend_overdue")

    def test_acknowledging_without_reading_is_found_out(self):
        """One in 64 is looked at, and stands for the others: one is enough."""
        hoarder = self.hoarder()
        router = self.start_router(self.BACKEND.replace(str(self.LIMIT), "64"))
        stop = threading.Event()

        def acknowledge():
            while not stop.is_set():
                if select.select([hoarder.socket], [], [], 0.05)[0]:
                    hoarder.connections.append(hoarder.socket.accept()[0])
                    hoarder.connections[-1].send(b"\x06")

        thread = threading.Thread(target=acknowledge)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(stop.set)
        outcomes = set()
        for _ in range(1200):  # that none of so many is looked at has a chance of 6e-9; 64 of them never are
            client = self.connect(router, HELLO)
            address, port = client.getsockname()
            outcomes.add(router.session(client=f"{address}:{port}")["outcome"])
            client.close()
            if "backend_overdue" in outcomes:
                break
        self.assertEqual(outcomes, {"handed_off", "backend_overdue"})

    def test_its_clients_are_held_and_get_to_it_when_it_has_read(self):
        hoarder = self.hoarder()
        router = self.start_router(self.BACKEND.replace('hold = "0s"', 'hold = "1h"'))
        clients = [self.connect(router, HELLO) for _ in range(self.LIMIT + 5)]
        told = router.wait_for(lambda me: [e for e in me.events if e.get("why") == "backend_overdue"
                                           or e.get("message") == "a backend does not take clients"], "it is away")
        self.assertEqual(told[0]["backend"], "blog")
        while len(router.sessions(outcome="handed_off")) < len(clients):
            hoarder.take()

    def test_the_end_of_the_hoarder_gives_all_back(self):
        hoarder = self.hoarder()
        router = self.start_router()
        self.send(router, self.LIMIT, "backend_silent")
        hoarder.stop()
        router.wait_descriptors(router.descriptors_at_start)
        self.send(router, 1, "backend_refused")

    def test_datagrams_that_lie_unread(self):
        """Behind one path after the other, because a queue has room for few (net.unix.max_dgram_qlen)."""
        hoarder = self.hoarder(socket.SOCK_DGRAM)
        router = self.start_router(f'hold = "0s"\nmax_unanswered = {self.LIMIT}', "datagram")
        for _ in range(self.LIMIT // 4):
            self.send(router, 4, "handed_off")
            hoarder.connections.append(hoarder.socket)  # still open, and never read
            hoarder.socket = hoarder.bound()
            router.reload()  # the new one is connected to
        self.send(router, 1, "backend_overdue")
        for old in hoarder.connections:
            for _ in range(4):
                old.recv(65536)
        self.send(router, 1, "handed_off")


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
