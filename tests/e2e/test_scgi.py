# SPDX-License-Identifier: BSL-1.0
"""Backends of `scgi`: a receiver of nginx's http_fd_pass module, unchanged, and the examples, with and without acknowledgement."""

import array
import base64
import os
import socket
import struct
import subprocess
import threading

from harness import DEADLINE, Case, main, read_all, read_exactly, unless_sanitized, wait_until
from harness.case import HEAD
from harness.places import BUILD, SOURCE

HTTP = HEAD + 'protocol = "http"\n'
ROUTE = '[[route]]\nnames = ["live.example.com"]\nbackend = "live"\n'
HOST = b"Host: live.example.com\r\n"


class ModuleBackend:
    """What takes clients of nginx's module: one recvmsg() for each request, and the answer on the descriptor. It knows nothing of
    snipass."""

    def __init__(self, path):
        self.requests, self._listener = [], socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(64)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def stop(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _serve(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                data, control, _, _ = connection.recvmsg(65536, socket.CMSG_SPACE(4))
                fds = array.array("i", control[0][2])
            with socket.socket(fileno=fds[0]) as client:
                size, _, rest = data.partition(b":")
                block = rest[: int(size)]
                assert rest[int(size) :] == b","
                words = block.split(b"\0")
                variables = list(zip(words[:-1:2], words[1::2]))
                body = int(dict(variables).get(b"HTTP_CONTENT_LENGTH", b"0"))
                got = b""
                while len(got) < body:
                    got += client.recv(body - len(got))
                self.requests.append((variables, got, client.getpeername()))
                client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(got) + got)


class Scgi(Case):
    program = ["python3", "-u", SOURCE / "examples/receivers/scgi_receiver.py"]

    def start(self, *, head=HTTP, rest="", more=""):
        return self.router(ROUTE + self.backend("live", protocol="scgi", rest=rest) + more, head=head)

    def example(self, *options):
        path = self.folder / "live.sock"
        process = self.run_program([*self.program, *options, path])
        wait_until(lambda: can_connect(path), "the example listens")
        return process


def can_connect(path):
    with socket.socket(socket.AF_UNIX) as one:
        return one.connect_ex(str(path)) == 0


class Module(Scgi):
    def setUp(self):
        super().setUp()
        self.module = self.keep(ModuleBackend(self.folder / "live.sock"))

    def test_a_receiver_of_the_module_is_served_unchanged(self):
        router = self.start()
        client = self.connect(router, b"GET /live/1?a=b HTTP/1.1\r\n" + HOST + b"X-One: 1\r\nx-one: 2\r\n\r\n")
        self.assertIn(b"200 OK", read_all(client)[0])
        variables, _, peer = self.module.requests[0]
        self.assertEqual(peer, client.getsockname())
        server = router.port("127.0.0.1:0")
        self.assertEqual(variables, [
            (b"CONTENT_LENGTH", b"0"), (b"SCGI", b"1+fd_pass"), (b"REMOTE_ADDR", b"127.0.0.1"),
            (b"REMOTE_PORT", b"%d" % peer[1]), (b"REQUEST_METHOD", b"GET"), (b"REQUEST_URI", b"/live/1?a=b"),
            (b"SERVER_ADDR", b"127.0.0.1"), (b"SERVER_PORT", b"%d" % server), (b"QUERY_STRING", b"a=b"),
            (b"SERVER_PROTOCOL", b"HTTP/1.1"), (b"HTTP_HOST", b"live.example.com"), (b"HTTP_X_ONE", b"1"), (b"HTTP_X_ONE", b"2")])
        line = router.session(client=f"127.0.0.1:{peer[1]}")
        self.assertEqual((line["outcome"], line["backend"]), ("handed_off", "live"))

    def test_the_body_that_came_with_the_head_is_not_lost(self):
        router = self.start()
        body = os.urandom(50_000)
        request = b"PUT / HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % len(body)
        for name, pieces in (("at once", [request + body]), ("head first", [request, body]), ("in the middle", [request[:30], request[30:] + body[:5], body[5:]])):
            with self.subTest(name):
                client = self.connect(router)
                for piece in pieces:
                    client.sendall(piece)
                self.assertTrue(read_all(client)[0].endswith(body))

    def test_a_body_that_another_router_has_read_is_never_left_out(self):
        path = self.folder / "in.sock"
        router = self.start(head=HEAD.replace("127.0.0.1:0", f"handoff:{path}") + 'protocol = "http"\n')
        for body, outcome in ((b"", "handed_off"), (b"five!", "backend_failed")):
            near, far = self.pair_of_tcp()
            with near, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
                channel.connect(f"{path}.datagram")
                socket.send_fds(channel, [b"GET / HTTP/1.1\r\n" + HOST + b"\r\n" + body], [near.fileno()])
            self.assertEqual(b"200 OK" in read_all(far)[0], outcome == "handed_off")
            router.session(outcome=outcome)

    def pair_of_tcp(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            far = socket.create_connection(listener.getsockname(), timeout=DEADLINE)
            self.addCleanup(far.close)
            return listener.accept()[0], far

    def test_the_last_of_a_source_that_connects_is_served_as_the_first(self):
        router = self.start()
        for _ in range(300):
            with socket.create_connection(("127.0.0.1", router.port())) as client:
                client.sendall(b"GET / HTTP/1.0\r\n" + HOST + b"\r\n")
                self.assertIn(b"200 OK", read_all(client)[0])
        router.wait_for(lambda me: me.counters()["handed_off"] == 300, "all are told")

    def test_http2_is_refused(self):
        router = self.start(rest='hold = "0s"', more='[default]\nbackend = "live"\n')
        client = self.connect(router, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        read_all(client)
        line = router.sessions(1)[0]
        self.assertNotEqual(line["outcome"], "handed_off")
        self.assertEqual(self.module.requests, [])


class Requests(Scgi):
    def test_requests_and_bodies(self):
        for options, rest in (((), ""), (("--ack",), "scgi_ack = true")):
            with self.subTest(rest):
                example = self.example(*options)
                router = self.start(rest=rest)
                got = subprocess.run(["curl", "-sS", "--max-time", str(DEADLINE), "--noproxy", "*", "--data", "body", "--connect-to",
                                      f"live.example.com:80:127.0.0.1:{router.port()}", "http://live.example.com/a?b"],
                                     stdout=subprocess.PIPE, check=True, text=True)
                self.assertEqual(got.stdout, "POST /a from 127.0.0.1\nbody")
                example.stop()
                router.stop()

    def test_an_event_stream(self):
        self.example("--ack")
        router = self.start(rest="scgi_ack = true")
        client = self.connect(router, b"GET /events HTTP/1.1\r\n" + HOST + b"\r\n")
        got = b""
        while b"data: 2\n\n" not in got:
            got += client.recv(4096)
        self.assertIn(b"Content-Type: text/event-stream", got)


class Library(Requests):
    program = [BUILD / "examples/scgi_backend"]


class Example(Requests):
    def test_a_web_socket(self):
        self.example()
        router = self.start()
        key = base64.b64encode(b"0123456789abcdef")
        client = self.connect(router, b"GET /echo HTTP/1.1\r\n" + HOST + b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
                                      b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + key + b"\r\n\r\n" + frame(b"hello"))
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(1)
        self.assertTrue(head.startswith(b"HTTP/1.1 101 "))
        self.assertEqual(read_exactly(client, 7), b"\x81\x05hello")
        client.sendall(frame(b"x" * 300))
        self.assertEqual(read_exactly(client, 10)[-8:], (300).to_bytes(8, "big"))
        self.assertEqual(read_exactly(client, 300), b"x" * 300)


class Away(Scgi):
    REQUEST = b"GET / HTTP/1.1\r\n" + HOST + b"\r\n"

    def test_a_receiver_that_hangs_loses_its_client_to_the_next(self):
        with socket.socket(socket.AF_UNIX) as hanging:
            hanging.bind(str(self.folder / "live.sock"))
            hanging.listen()
            self.receiver("other", serve="raw")
            router = self.start(rest='scgi_ack = true\nack_timeout = "100ms"\nsorry = "other"', more=self.backend("other"))
            client = self.connect(router, self.REQUEST)
            self.assertEqual(read_exactly(client, len(self.REQUEST)), self.REQUEST)
            router.wait_for(lambda me: me.counters()["handed_off"] == 1, "it is told")
            hanging.accept()[0].close()

    @unless_sanitized
    def test_a_client_whose_receiver_hangs_costs_the_router_no_head(self):
        count, head = 200, b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"x" * 30_000 + b"\r\n\r\n"
        with socket.socket(socket.AF_UNIX) as hanging:
            hanging.bind(str(self.folder / "live.sock"))
            hanging.listen(2 * count)
            router = self.start(rest='scgi_ack = true\nack_timeout = "60s"\nmax_unanswered = 4096')
            clients, offers = [self.connect(router, head)], [hanging.accept()[0]]
            before = router.memory()
            clients += [self.connect(router, head) for _ in range(count)]
            offers += [hanging.accept()[0] for _ in range(count)]
            self.assertLess(router.memory() - before, count * 16_384)
            for one in clients + offers:
                one.close()

    def test_a_client_is_held_until_a_receiver_is_there(self):
        router = self.start(rest="scgi_ack = true")
        client = self.connect(router, self.REQUEST)
        router.wait_for(lambda me: [e for e in me.events if e.get("message") == "a backend does not take clients"], "it is held")
        self.example("--ack")
        self.assertIn(b"GET / from 127.0.0.1", read_all(client)[0])

    def test_the_socket_of_another_user_is_sent_nothing(self):
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(self.folder / "live.sock"))
            other.listen()
            router = self.start(rest=f'hold = "0s"\nuser = {os.getuid() + 1}')
            read_all(self.connect(router, self.REQUEST))
            line = router.sessions(1)[0]
            self.assertEqual(line["outcome"], "backend_failed")
            self.assertIn("another user", line["detail"])
            other.setblocking(False)
            with self.assertRaises(BlockingIOError):
                other.accept()


def frame(data):
    """A masked frame of text (RFC 6455 section 5.2)."""
    size = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + struct.pack("!H", len(data))
    mask = b"\1\2\3\4"
    return b"\x81" + size + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(data))


del Requests  # it is no test by itself

if __name__ == "__main__":
    main()
