"""The two example backends: what they answer, what they refuse."""
import sys
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
from backend_case import BUILD, BackendCase, wait_for  # noqa: E402
from handoff_sender import Sender  # noqa: E402
from receiver_checks import check_lies  # noqa: E402


class StreamBackend(BackendCase):
    def setUp(self):
        super().setUp()
        self.server = self.start(BUILD / "examples/stream_backend", self.socket, self.certificate, self.key, "blog")
        self.wait_for_socket()

    def test_answers_with_the_clients_own_address_host_name_and_alpn(self):
        for host in ("127.0.0.1", "::1"):
            with self.subTest(host=host), Sender(str(self.socket), host=host) as router:
                own, body = self.fetch(router.address)
                self.assertEqual(body, f"backend: blog\npid: {self.server.pid}\nclient: {own}\nhost_name: test.example\n"
                                       "alpn: http/1.1\ntls: TLSv1.3\n")

    def test_keeps_a_connection_for_several_requests(self):
        with Sender(str(self.socket)) as router, self.connect(router.address) as client:
            self.assertEqual(self.get(client), self.get(client))

    def test_an_echo_connection_outlives_the_router(self):
        with Sender(str(self.socket)) as router:
            client = self.connect(router.address)
            client.sendall(b"GET /echo HTTP/1.1\r\nHost: test.example\r\n\r\n")
            self.assertIn(b"101 Switching Protocols", client.recv(4096))
        with client:
            client.sendall(b"still there?\n")
            self.assertEqual(client.recv(4096), b"still there?\n")

    def test_refuses_every_lie_and_serves_on(self):
        check_lies(self, self.socket, [self.server.pid], ignores=["a TLV over the end"])
        with Sender(str(self.socket)) as router:
            self.fetch(router.address)

    def test_a_silent_sender_delays_nobody(self):
        from handoff_sender import connect
        with connect(str(self.socket)), Sender(str(self.socket)) as router:
            self.fetch(router.address)

    def test_many_connections_and_none_lost(self):
        with Sender(str(self.socket)) as router:
            self.assertEqual(self.fetch_many(router.address, check=lambda own, body: f"client: {own}\n" in body), [])


class DatagramBackend(BackendCase):
    def setUp(self):
        super().setUp()
        self.server = self.start(BUILD / "examples/datagram_backend", self.socket, self.certificate, self.key, "blog")
        wait_for(self.socket.exists, "the receiver's socket")

    def test_answers_with_the_clients_own_address_host_name_and_alpn(self):
        for host in ("127.0.0.1", "::1"):
            with self.subTest(host=host), Sender(str(self.socket), "datagram", host=host) as router:
                own, body = self.fetch(router.address)
                self.assertEqual(body, f"backend: blog\npid: {self.server.pid}\nclient: {own}\nhost_name: test.example\n"
                                       "alpn: http/1.1\ntls: TLSv1.3\n")

    def test_many_connections_at_once(self):
        with Sender(str(self.socket), "datagram") as router:
            self.assertEqual(self.fetch_many(router.address, check=lambda own, body: f"client: {own}\n" in body), [])


if __name__ == "__main__":
    unittest.main()
