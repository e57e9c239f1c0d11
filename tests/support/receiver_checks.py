"""The tests that every backend must pass, whatever it is made of."""
import socket

import backend_case
import handoff_sender
import router


def tcp_pair():
    """A client's two ends: its own, and the router's, with bytes of the client's unread in it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        far = socket.create_connection(listener.getsockname())
        near, _ = listener.accept()
    far.sendall(b"\x16\x03\x01 unread")
    assert near.recv(1, socket.MSG_PEEK) == b"\x16"
    return far, near


class ServesClients:
    """Tests of any HTTPS server that takes clients. A test case that inherits them starts one in setUp, as self.server,
    whose answer has a line "client: ADDRESS:PORT"."""
    protocol = "stream"
    processes = property(lambda self: [self.server.pid])

    def router(self, **options):
        return handoff_sender.Sender(str(self.socket), self.protocol, **options)

    def saw(self, own, body):
        """The server has seen the client's own address. (Not everybody puts an IPv6 address into brackets.)"""
        return f"client: {own}\n" in body or f"client: {own.replace('[', '').replace(']', '')}\n" in body

    def test_sees_the_clients_own_address(self):
        for host in ("127.0.0.1", "::1"):
            with self.subTest(host=host), self.router(host=host) as router:
                own, body = self.fetch(router.address)
                self.assertTrue(self.saw(own, body), f"{own} got {body}")

    def test_keeps_a_connection_for_several_requests(self):
        with self.router() as router, self.connect(router.address) as client:
            self.assertEqual(self.get(client), self.get(client))

    def test_many_connections_and_none_lost(self):
        with self.router() as router:
            self.assertEqual(self.fetch_many(router.address, check=self.saw), [])


class RefusesLies(ServesClients):
    """The `stream` protocol's part: what a broken sender says must not be believed."""
    ignores = ()

    def test_refuses_every_lie_and_serves_on(self):
        check_lies(self, self.socket, self.processes, self.ignores)
        with self.router() as router:
            self.fetch(router.address)

    def test_a_silent_sender_delays_nobody(self):
        with handoff_sender.connect(str(self.socket)), self.router(patience=5) as router:
            self.fetch(router.address)
        self.assertNotIn("taken back", router.outcomes)


class BehindRouter:
    """With it, the router of a test is the real one, but where the test has wishes that only ours fulfils."""

    def router(self, host="127.0.0.1", **options):
        if options:
            return super().router(host=host, **options)
        return router.Router(self.folder, self.socket, self.protocol, listen=f"[{host}]:0" if ":" in host else f"{host}:0")


class ServerTests(BehindRouter, RefusesLies, backend_case.BackendCase):
    """Servers that know nothing of snipass, behind the router itself."""


def check_lies(case, path, pids, ignores=()):
    """pids: the receiver's processes. ignores: lies about things that this receiver never looks at."""
    def held():
        return [backend_case.descriptors(pid) for pid in pids]

    def is_as_before():
        return all(now <= then for now, then in zip(held(), before))

    before = backend_case.settled(held)
    for lie in handoff_sender.LIES:
        if lie in ignores:
            continue
        with case.subTest(lie=lie):
            far, near = tcp_pair()
            with far, near:
                case.assertEqual(handoff_sender.tell(str(path), lie, near), "refused")
                # Refused means untouched: the router, whose the client still is, finds every byte in its place.
                case.assertEqual(near.recv(64, socket.MSG_PEEK), b"\x16\x03\x01 unread")
                far.setblocking(False)
                with case.assertRaises(BlockingIOError):
                    far.recv(1)
            backend_case.wait_for(is_as_before, f"the descriptors to go after: {lie}; {before} < {held()}")
