# SPDX-License-Identifier: BSL-1.0
"""Two routers that send each other what they do not know: a hello goes round a few times, and then nothing is left of it."""

import socket

import harness
from harness import Case, client_hello, read_all, read_exactly

HELLO = client_hello("nobody.example.com")
ROUNDS = 64  # that a hello may be on its way to one backend


def backend(*addresses, rest=""):
    listed = ", ".join(f'"{one}"' for one in addresses)
    return f'\n[default]\nbackend = "other"\n[backend.other]\nproxy = [{listed}]\n{rest}\n'


class Loops(Case):
    def two_routers(self, rest=""):
        """Each is the other's default."""
        first = self.router(backend("127.0.0.1:1", rest=rest), name="first", head=harness.case.UNCONFINED_HEAD, compare_descriptors=False)
        second = self.router(backend(f"127.0.0.1:{first.port()}", rest=rest), name="second")
        first.reload(harness.case.UNCONFINED_HEAD + backend(f"127.0.0.1:{second.port()}", rest=rest))
        return first, second

    def check_it_comes_back_and_is_refused(self, rest=""):
        routers = self.two_routers(rest)
        with self.connect(routers[0], HELLO) as client:
            self.assertEqual(read_all(client), (b"", "fin"))
        refused = routers[0].session(outcome="destination_refused")
        self.assertEqual(refused["detail"], "other: a loop: its hello is on its way there already")
        for router in routers:
            router.wait_descriptors(router.descriptors_at_start)
            self.assertEqual(len(router.sessions(ROUNDS, outcome="proxied")), ROUNDS)

    def test_a_hello_that_comes_back_is_refused(self):
        self.check_it_comes_back_and_is_refused()

    def test_it_is_not_held_either(self):
        self.check_it_comes_back_and_is_refused('hold = "5s"')

    def test_it_ends_when_the_client_has_left_too(self):
        routers = self.two_routers()
        self.connect(routers[0], HELLO).close()
        for router in routers:
            router.session()
            router.wait_descriptors(router.descriptors_at_start)
            self.assertLessEqual(len(router.sessions()), ROUNDS + 1)

    def test_a_client_may_come_by_twice_on_its_way(self):
        """By way of something that looks at it, and whose clients have a route of their own."""
        server = socket.create_server(("127.0.0.1", 0))
        server.settimeout(harness.DEADLINE)
        self.addCleanup(server.close)
        inspector = self.router(backend("127.0.0.1:1"), name="inspector", head=harness.case.UNCONFINED_HEAD, compare_descriptors=False)
        router = self.router(
            '\n[[route]]\nsource = ["127.0.0.2"]\nbackend = "inspector"\n'
            f'[backend.inspector]\nproxy = ["127.0.0.1:{inspector.port()}"]\n'
            + backend(f"127.0.0.1:{server.getsockname()[1]}"))
        inspector.reload(harness.case.UNCONFINED_HEAD + backend(f"127.0.0.1:{router.port()}"))
        client = self.connect(router, HELLO, source="127.0.0.2")
        connection, _ = server.accept()
        with connection:
            self.assertEqual(read_exactly(connection, len(HELLO)), HELLO)
            connection.sendall(b"here")
        self.assertEqual(read_all(client)[0], b"here")

    def test_the_same_hello_of_many_is_no_loop_where_it_is_answered(self):
        server = socket.create_server(("127.0.0.1", 0), backlog=256)
        server.settimeout(harness.DEADLINE)
        self.addCleanup(server.close)
        router = self.router(backend(f"127.0.0.1:{server.getsockname()[1]}"))
        for _ in range(2 * ROUNDS):
            client = self.connect(router, HELLO)
            connection, _ = server.accept()
            self.addCleanup(connection.close)
            connection.sendall(b"here")
            self.assertEqual(client.recv(4), b"here")
        self.assertEqual(router.sessions(), [])


class HandedOver(Case):
    """Routers that hand each other what they do not know: nothing is under way for long, and it goes round all the same."""

    ROUNDS = 16  # that one may have been handed over to one worker

    def check_it_is_refused(self, protocol):
        routers = []
        for name, other in (("first", "second"), ("second", "first")):
            routers.append(self.router(
                f'[[listener]]\naddress = "handoff:{self.folder}/{name}.sock"\n'
                f'[default]\nbackend = "other"\n[backend.other]\nhandoff = "unix:{self.folder}/{other}.sock{protocol[1]}"\n'
                f'protocol = "{protocol[0]}"\n', name=name, compare_descriptors=False))
        with self.connect(routers[0], HELLO) as client:
            data, _ = read_all(client)
            self.assertEqual(data, b"")
        harness.wait_until(lambda: any(router.sessions(outcome="destination_refused") for router in routers), "it is refused")
        told = [line for router in routers for line in router.sessions(outcome="destination_refused")]
        self.assertEqual(told[0]["detail"], "a loop: routers hand it to each other")
        for router in routers:
            self.assertLessEqual(len(router.sessions()), 2 * self.ROUNDS + 1)  # each worker counts for itself

    def test_by_stream(self):
        self.check_it_is_refused(("stream", ""))

    def test_by_datagram(self):
        self.check_it_is_refused(("datagram", ".datagram"))


if __name__ == "__main__":
    harness.main()
