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


def is_told(counted):
    """Whether each client that was accepted has one of the outcomes that are right here."""
    return counted["accepted"] == sum(counted[one] for one in ("handed_off", "proxied", "backend_max_pending", "max_relayed"))


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


class Held(Case):
    """Held clients of one source, more than there may be, and what is left for others."""

    def test_a_reload_gives_nobody_another_place(self):
        router = self.router(ROUTE + self.backend("blog", rest='hold = "1h"\nmax_pending = 16'), head=HEAD)
        greedy = []
        for _ in range(3):
            greedy += [self.connect(router, HELLO, source="127.0.0.2") for _ in range(20)]
            router.wait_counted(accepted=len(greedy), backend_max_pending=len(greedy) - 16)
            router.reload()
        honest = self.connect(router, HELLO, source="127.0.1.1")
        router.wait_counted(accepted=len(greedy) + 1, backend_max_pending=len(greedy) - 15)
        self.receiver("blog", serve="raw")
        self.assertEqual(read_exactly(honest, len(HELLO)), HELLO)
        router.wait_counted(handed_off=16)

    def test_the_line_is_every_source_s(self):
        """A backend that takes one client after the other: who has many in the line does not keep it from those who have one."""
        router = self.router(ROUTE + self.backend("blog", rest='hold = "1h"\nack_timeout = "1h"'), head=HEAD)
        greedy = [self.connect(router, HELLO, source="127.0.0.2") for _ in range(100)]
        router.wait_counted(accepted=len(greedy))
        honest = [self.connect(router, HELLO, source=source) for source in honest_sources(10)]
        router.wait_counted(accepted=len(greedy) + len(honest))
        hoarder = Hoarder(self.folder / "blog.sock")
        self.addCleanup(hoarder.stop)
        served = []
        while len(served) < len(honest) + 1:  # the first of the line is a greedy one
            offer = hoarder.receive()
            served.append(offer.client.getpeername())
            self.assertTrue(offer.acknowledge())
        self.assertLessEqual({client.getsockname() for client in honest}, set(served))
        while len(router.sessions(outcome="handed_off")) < len(greedy) + len(honest):
            hoarder.take()


    def test_one_that_the_backend_does_not_want_holds_up_nobody(self):
        router = self.router(ROUTE + self.backend("blog", rest='hold = "1h"'), head=HEAD)
        unwanted = self.connect(router, HELLO, source="127.0.0.2")
        router.wait_counted(accepted=1)
        honest = self.connect(router, HELLO, source="127.0.1.1")
        router.wait_counted(accepted=2)
        hoarder = Hoarder(self.folder / "blog.sock")
        self.addCleanup(hoarder.stop)
        for _ in range(4):
            offer = hoarder.receive()
            if offer.client.getpeername() == honest.getsockname():
                self.assertTrue(offer.acknowledge())
                break
            offer.close()
        else:
            self.fail("the first of the line is offered again and again")
        unwanted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # its close() is an RST
        unwanted.close()
        router.sessions(1, outcome="handed_off")


class FewDescriptors(Case):
    """256 descriptors, and more clients of one source than that for a backend that is away."""

    OTHER = client_hello("other.example.com")

    def start_router(self, rest=""):
        self.receiver("other", serve="raw")
        rest += ROUTE + ROUTE.replace("blog", "other") + self.backend("blog", rest='hold = "1h"') + self.backend("other")
        return self.router(rest, head=HEAD, prefix=["prlimit", "--nofile=256:256"])

    def held(self, router, source, count):
        before = router.counters()["accepted"]
        clients = [self.connect(router, HELLO, source=source) for _ in range(count)]
        router.wait_counted(accepted=before + count)
        return clients

    def check_others_are_served(self, router):
        for source in honest_sources(10):
            client = self.connect(router, self.OTHER, source=source)
            self.assertEqual(read_exactly(client, len(self.OTHER)), self.OTHER)

    def check_who_made_way(self, router):
        displaced = router.sessions(1, outcome="backend_max_pending")
        self.assertEqual({line["client"].rpartition(":")[0] for line in displaced}, {"127.0.0.2"})
        self.assertIn("as descriptors allow (LimitNOFILE=)", displaced[0]["detail"])

    def test_who_is_held_leaves_room_for_those_whose_backend_is_there(self):
        router = self.start_router()
        self.check_others_are_served(router)
        self.held(router, "127.0.0.2", 260)
        self.check_others_are_served(router)
        honest = [client for source in honest_sources(10) for client in self.held(router, source, 1)]
        self.check_who_made_way(router)
        self.receiver("blog", serve="raw")
        for client in honest:
            self.assertEqual(read_exactly(client, len(HELLO)), HELLO)
        wait_until(lambda: is_told(router.counters()), "each has its outcome")

    def test_whatever_is_relayed_meanwhile(self):
        far = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.addCleanup(far.close)
        relayed = client_hello("far.example.com")
        router = self.start_router(ROUTE.replace("blog", "far") + '\n[backend.far]\nproxy = "127.0.0.1:%d"\n' % far.getsockname()[1])
        relays = []
        for number in range(120):
            random = relayed[:11] + os.urandom(32) + relayed[43:]  # a loop would have the same
            relays.append(self.connect(router, random, source=f"127.0.3.{number + 1}"))
        router.wait_counted(accepted=120)
        self.held(router, "127.0.0.2", 260)
        self.check_others_are_served(router)
        self.check_who_made_way(router)
        self.assertGreater(router.descriptor_count(), 200)
        self.receiver("blog", serve="raw")
        for client in relays:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # its close() is an RST
            client.close()
        wait_until(lambda: is_told(router.counters()), "each has its outcome")

    def test_at_the_start_it_is_told_what_they_do_not_allow(self):
        router = self.start_router()
        router.counters()  # written behind it
        told = [line["message"] for line in router.events if "descriptors: " in line.get("message", "")]
        self.assertEqual(len(told), 1)
        self.assertRegex(told[0], "^256 descriptors: max_waiting is [0-9]+, not 20000; max_relayed is [0-9]+, not 1000000; "
                                  "max_pending of all backends together is [0-9]+, not 2048; raise LimitNOFILE=, or")
        router.reload()
        self.assertEqual(len([line for line in router.events if line.get("message") == told[0]]), 1)


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
            wait_until(lambda: router.counters()["accepted"] == len(clients) and is_told(router.counters()), "each has its outcome")
        finally:
            over.set()
            thread.join()
        self.assertEqual(len(acknowledged), router.counters()["handed_off"])
        served = {one.client.getpeername() for one in acknowledged}
        self.assertEqual(len(served), len(acknowledged))
        for client in clients:
            if client.getsockname() not in served:
                self.assertEqual(read_all(client), (b"", "fin"))

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
