# SPDX-License-Identifier: BSL-1.0
"""What a backend was sent and has not answered: it has a share of what the kernel counts for all, and each source has one of that."""

import contextlib
import select
import socket
import threading

import harness
from harness import Case, client_hello, read_all, read_exactly, wait_until
from harness.hoarder import Hoarder

# Each worker has a part of a bound, and not exactly its part of the clients.
HEAD = harness.case.HEAD.replace("workers = 2", "workers = 1")
HELLO = client_hello("blog.example.com")
ROUTE = '[[route]]\nnames = ["blog.example.com"]\nbackend = "blog"\n'


class Unanswered(Case):
    """A backend that does not answer is sent no more than its share: the kernel counts for all backends together."""

    LIMIT = 8
    PART = 2  # of one source: the first eighth, and an eighth of the rest, or one
    BACKEND = f'hold = "0s"\nack_timeout = "100ms"\nmax_unanswered = {LIMIT}'

    def hoarder(self, kind=socket.SOCK_STREAM):
        self.kept = Hoarder(self.folder / "blog.sock", kind)
        return self.kept

    def start_router(self, backend=BACKEND, protocol="stream"):
        router = self.router(ROUTE + self.backend("blog", protocol=protocol, rest=backend), head=HEAD)
        self.addCleanup(self.kept.stop)  # what lies in its queue is the router's to watch until then
        return router

    def send(self, router, count, outcome):
        """As many clients, one after the other, each from an address of its own."""
        for number in range(count):
            client = self.connect(router, HELLO, source=f"127.0.2.{number + 1}")
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
        for number in range(self.LIMIT):
            client = self.connect(router, HELLO, source=f"127.0.2.{number + 1}")
            hoarder.accept_unread(b"?")
            self.assertEqual(read_all(client)[1], "fin")
        self.send(router, 1, "backend_overdue")

    def test_acknowledging_without_reading_is_found_out(self):
        """One in 64 is looked at, and stands for the others: one is enough."""
        hoarder = self.hoarder()
        router = self.start_router(self.BACKEND.replace(str(self.LIMIT), "64").replace("100ms", "2s"))
        stop = threading.Event()

        def acknowledge():
            while not stop.is_set():
                if select.select([hoarder.socket], [], [], 0.05)[0]:
                    hoarder.connections.append(hoarder.socket.accept()[0])
                    with contextlib.suppress(OSError):  # late, and the router has gone: one is backend_silent, the next is not
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
        self.assertEqual(outcomes - {"backend_silent"}, {"handed_off", "backend_overdue"})

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

    def test_another_backend_is_handed_its_clients_all_the_same(self):
        """More clients than the kernel lets the router's user have in flight, for one that reads none of them."""
        self.hoarder()
        self.receiver("other", serve="raw")
        rest = self.backend("blog", rest='hold = "0s"\nack_timeout = "20ms"') + self.backend("other")
        router = self.router(ROUTE + ROUTE.replace("blog", "other") + rest, head=HEAD, prefix=["prlimit", "--nofile=256:256"])
        self.addCleanup(self.kept.stop)
        for number in range(300):
            client = self.connect(router, HELLO, source=f"127.0.2.{number % 250 + 1}")
            self.assertEqual(read_all(client), (b"", "fin"))
            client.close()
        other = client_hello("other.example.com")
        self.assertEqual(read_exactly(self.connect(router, other), len(other)), other)
        counted = router.counters()
        self.assertEqual((counted["backend_silent"] + counted["backend_overdue"], counted["no_resources"]), (300, 0))

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

    def test_one_source_leaves_room_for_others(self):
        """A backend that pauses for a moment, and meanwhile all clients of one address that may be sent to it are."""
        hoarder = self.hoarder()
        router = self.start_router(f'hold = "1h"\nack_timeout = "1h"\nmax_unanswered = {self.LIMIT}')
        greedy = [self.connect(router, HELLO, source="127.0.0.2") for _ in range(4 * self.LIMIT)]
        offered = [hoarder.receive() for _ in range(self.PART)]
        wait_until(lambda: router.descriptor_count() >= router.descriptors_at_start + len(greedy) + len(offered), "all are there")
        honest = self.connect(router, HELLO, source="127.0.0.3")
        offered.append(hoarder.receive())
        self.assertEqual(offered[-1].client.getpeername(), honest.getsockname())
        offered[-1].acknowledge()
        address, port = honest.getsockname()
        self.assertEqual(router.session(client=f"{address}:{port}")["outcome"], "handed_off")
        for one in offered[:-1]:
            one.acknowledge()
        while len(router.sessions(outcome="handed_off")) < len(greedy) + 1:
            hoarder.take()

    def test_several_sources_leave_room_for_others(self):
        """A backend that pauses, four sources that send what they can, and eight that have a client each."""
        limit = 2 * self.LIMIT
        hoarder = self.hoarder()
        router = self.start_router(f'hold = "1h"\nack_timeout = "1h"\nmax_unanswered = {limit}')
        greedy = [self.connect(router, HELLO, source=f"127.0.0.{number + 2}") for number in range(4) for _ in range(limit)]
        wait_until(lambda: router.counters()["accepted"] == len(greedy), "all are there")
        for _ in range(6):  # three of the first source, one of each other
            hoarder.receive()
        for number in range(8):
            honest = self.connect(router, HELLO, source=f"127.0.1.{number + 1}")
            self.assertEqual(hoarder.receive().client.getpeername(), honest.getsockname())
        for one in hoarder.offers:
            self.assertTrue(one.acknowledge())
        while len(router.sessions(outcome="handed_off")) < len(greedy) + 8:
            hoarder.take()

    def test_its_clients_beyond_that_have_an_outcome_of_their_own(self):
        self.hoarder()
        router = self.start_router()
        clients = [self.connect(router, HELLO, source="127.0.0.2") for _ in range(self.LIMIT)]
        self.assertEqual(len(router.sessions(self.PART, outcome="backend_silent")), self.PART)
        for line in router.sessions(self.LIMIT - self.PART, outcome="backend_overdue_source"):
            self.assertIn("share of max_unanswered", line["detail"])
        for client in clients:
            client.close()


if __name__ == "__main__":
    harness.main()
