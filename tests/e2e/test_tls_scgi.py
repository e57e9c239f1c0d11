#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Backends of `scgi` whose clients come by TLS: snipass-tls reads the head of the request, and hands on what follows in clear."""

import os
import socket
import ssl
import sys

from harness import Case, main, python_tls, read_all, read_exactly, wait_until
from harness.backend_case import can_connect
from harness.case import HEAD
from harness.places import SOURCE
from harness.tls_end import TlsSite
from test_scgi import ModuleBackend, frame

EXAMPLE = SOURCE / "examples/receivers/scgi_receiver.py"
HOST = b"Host: a.example\r\n"
REQUEST = b"GET /a?b HTTP/1.1\r\n" + HOST + b"\r\n"


class TlsScgi(TlsSite, Case):
    def of_scgi(self, rest="", more="", **options):
        return self.both(f'handoff = "unix:{self.socket}"\nprotocol = "scgi"\nplaintext = "{self.plaintext}"\n{rest}\n', more, **options)

    def example(self, *options):
        process = self.run_program([sys.executable, "-u", EXAMPLE, *options, self.socket])
        wait_until(lambda: can_connect(self.socket), "the example listens")
        return process

    def ask(self, router, *pieces, **options):
        with python_tls(router.port(), "a.example", self.a, **options) as client:
            for piece in pieces:
                client.sendall(piece)
            return read_all(client)[0]

    def test_the_variables_say_what_was_negotiated(self):
        module = self.keep(ModuleBackend(self.socket))
        router = self.of_scgi()
        with python_tls(router.port(), "a.example", self.a, alpn=("http/1.1",)) as client:
            own, version, cipher = client.getsockname(), client.version(), client.cipher()[0]
            client.sendall(b"GET /live?a=b HTTP/1.1\r\n" + HOST + b"HTTPS: off\r\nSSL-Protocol: none\r\n\r\n")
            self.assertIn(b"200 OK", read_all(client)[0])
        variables, _, _ = module.requests[0]
        self.assertEqual(variables, [(name.encode(), value.encode()) for name, value in (
            ("CONTENT_LENGTH", "0"), ("SCGI", "1+fd_pass"), ("HTTPS", "on"), ("KTLS_RX", "1"), ("REMOTE_ADDR", "127.0.0.1"),
            ("REMOTE_PORT", str(own[1])), ("REQUEST_METHOD", "GET"), ("REQUEST_URI", "/live?a=b"), ("SERVER_ADDR", "127.0.0.1"),
            ("SERVER_PORT", str(router.port())), ("QUERY_STRING", "a=b"), ("SERVER_PROTOCOL", "HTTP/1.1"), ("HTTP_HOST", "a.example"),
            ("HTTP_HTTPS", "off"), ("HTTP_SSL_PROTOCOL", "none"), ("SSL_PROTOCOL", version), ("SSL_CIPHER", cipher),
            ("SSL_SESSION_RESUMED", "Initial"), ("SSL_TLS_SNI", "a.example"), ("SSL_ALPN_PROTOCOL", "http/1.1"),
            ("SSL_CLIENT_VERIFY", "NONE"), ("SNIPASS_PLAINTEXT", self.plaintext),
            *((("SNIPASS_FAREWELL", f"{self.folder}/tls.sock.farewell"),) if self.plaintext == "ktls" else ()))])
        line = self.tls.session(outcome="handed_off")
        self.assertEqual((line["server_name"], line["host"], line["method"], line["target"]), ("a.example", "a.example", "GET", "/live?a=b"))

    def test_not_a_byte_of_a_body_is_lost(self):
        for options, rest in (((), ""), (("--ack",), "scgi_ack = true")):
            example = self.example(*options)
            router = self.of_scgi(rest)
            body = os.urandom(200_000)
            head = b"PUT / HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % len(body)
            for name, pieces in (("at once", [head + body]), ("head first", [head, body]),
                                 ("in the middle", [head[:30], head[30:] + body[:5], body[5:]]),
                                 ("in small records", [bytes([byte]) for byte in head] + [body])):
                for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                    with self.subTest(name, rest=rest, version=version):
                        got = self.ask(router, *pieces, maximum=version)
                        self.assertTrue(got.endswith(body), (len(got), got[:200]))
            example.stop()
            router.stop()
            self.tls.stop()

    def test_a_web_socket_whose_first_frame_comes_with_the_head(self):
        self.example()
        router = self.of_scgi()
        with python_tls(router.port(), "a.example", self.a) as client:
            client.sendall(b"GET /echo HTTP/1.1\r\n" + HOST + b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
                           b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n" + frame(b"hello"))
            head = b""
            while b"\r\n\r\n" not in head:
                head += client.recv(1)
            self.assertTrue(head.startswith(b"HTTP/1.1 101 "), head)
            self.assertEqual(read_exactly(client, 7), b"\x81\x05hello")
            client.sendall(frame(b"more"))
            self.assertEqual(read_exactly(client, 6), b"\x81\x04more")

    def test_what_is_no_request_is_answered_and_the_backend_not_told(self):
        module = self.keep(ModuleBackend(self.socket))
        router = self.of_scgi()
        for said, status, outcome in ((b"GET / HTTP/1.1\r\n" + HOST + HOST + b"\r\n", b"400", "malformed"),
                                      (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"505", "not_http"),
                                      (b"\x16\x03\x01\x00\x05hello", b"400", "not_http")):
            with self.subTest(said):
                answer = self.ask(router, said)
                self.assertTrue(answer.startswith(b"HTTP/1.1 " + status), answer)
                self.tls.session(outcome=outcome)
        self.assertEqual(module.requests, [])

    def test_who_says_nothing_or_half_a_head_is_waited_for_until_hello_timeout(self):
        module = self.keep(ModuleBackend(self.socket))
        text = "[server]\nhello_timeout = \"500ms\"\n" + self.text(
            f'handoff = "unix:{self.socket}"\nprotocol = "scgi"\nplaintext = "{self.plaintext}"\n', head=HEAD.replace("[server]\n", ""))
        self.tls = self.tls_end(text)
        router = self.router(head=text)
        for said in (b"", b"GET / HTT"):
            self.assertEqual(self.ask(router, said), b"")  # by close_notify
        wait_until(lambda: len(self.tls.sessions(2)) == 2, "both are told")
        self.assertEqual({line["outcome"] for line in self.tls.sessions(2)}, {"hello_timeout"})
        python_tls(router.port(), "a.example", self.a).close()
        self.tls.session(outcome="client_closed")
        self.assertEqual(module.requests, [])

    def sorry(self):
        """A receiver that says again what it hears, and the backend that it is. Of clients whose keys the kernel has it takes none."""
        if self.plaintext == "ktls":
            self.skipTest("what is in the client's own socket is for whoever gets that")
        self.receiver("other", serve="raw")
        return f'[backend.other]\nhandoff = "unix:{self.folder}/other.sock"\ntls = "terminate"\n'

    def test_who_makes_room_while_its_request_is_waited_for_is_shed(self):
        if self.plaintext == "ktls":
            self.skipTest("nobody is relayed")
        self.example()
        text = "[server]\nworkers = 1\nmax_relayed = 2\n" + self.text(
            f'handoff = "unix:{self.socket}"\nprotocol = "scgi"\n', head=HEAD.replace("[server]\nworkers = 2\n", ""))
        self.tls = self.tls_end(text)
        router = self.router(head=text)
        # By TLS 1.2, whose handshake ends with what the server says.
        silent = [self.keep_open(python_tls(router.port(), "a.example", self.a, maximum=ssl.TLSVersion.TLSv1_2)) for _ in range(2)]
        with python_tls(router.port(), "a.example", self.a, source="127.0.0.7") as client:
            client.sendall(REQUEST)
            self.assertIn(b"GET /a from 127.0.0.7", read_all(client)[0])
        self.tls.session(outcome="shed")
        silent[0].sendall(REQUEST)
        self.assertIn(b"GET /a from 127.0.0.1", read_all(silent[0])[0])

    def keep_open(self, client):
        self.addCleanup(client.close)
        return client

    def test_a_sorry_by_stream_gets_the_whole_request(self):
        router = self.of_scgi('sorry = "other"', self.sorry())
        body = b"x" * 30_000
        said = b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 30000\r\n\r\n" + body
        with python_tls(router.port(), "a.example", self.a) as client:
            client.sendall(said)
            self.assertEqual(read_exactly(client, len(said)), said)

    def test_a_proxied_sorry_gets_the_whole_request(self):
        if self.plaintext == "ktls":
            self.skipTest("the relay of the router has its own tests")
        far = self.receiver("far", protocol="tcp", serve="raw")
        router = self.of_scgi('sorry = "far"', f'[backend.far]\nproxy = ["127.0.0.1:{far.port}"]\ntls = "terminate"\n')
        said = REQUEST + b"y" * 30_000
        with python_tls(router.port(), "a.example", self.a) as client:
            client.sendall(said)
            self.assertEqual(read_exactly(client, len(said)), said)

    def test_a_client_is_held_until_a_receiver_is_there(self):
        router = self.of_scgi('scgi_ack = true\nhold = "2m"')
        with python_tls(router.port(), "a.example", self.a) as client:
            version = client.version().encode()
            client.sendall(REQUEST)
            self.tls.wait_for(lambda me: [e for e in me.events if e.get("message") == "a backend does not take clients"], "it is held")
            self.example("--ack")
            self.assertIn(b"GET /a from 127.0.0.1 by " + version, read_all(client)[0])

    def test_a_receiver_that_hangs_has_nothing_of_what_the_next_one_hears(self):
        other = self.sorry()
        with socket.socket(socket.AF_UNIX) as hanging:
            hanging.bind(str(self.socket))
            hanging.listen()
            router = self.of_scgi('scgi_ack = true\nack_timeout = "100ms"\nsorry = "other"', other)
            with python_tls(router.port(), "a.example", self.a) as client:
                client.sendall(REQUEST + b"secret")
                self.assertEqual(read_exactly(client, len(REQUEST) + 6), REQUEST + b"secret")
                connection, _ = hanging.accept()
                with connection:
                    _, fds, _, _ = socket.recv_fds(connection, 65536, 4)
                    with socket.socket(fileno=fds[0]) as kept:
                        kept.setblocking(False)
                        self.assertEqual(kept.recv(100), b"")


if __name__ == "__main__":
    main()
