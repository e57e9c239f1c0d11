# SPDX-License-Identifier: BSL-1.0
"""Real TLS clients, served by real TLS servers through the router: handed off by both protocols, and proxied."""

import socket
import subprocess

import harness
from harness import Case, Dribble, curl, gnutls_cli, python_tls, s_client, wait_until

KINDS = ("stream", "datagram", "proxied")


class RealClients(Case):
    def setUp(self):
        super().setUp()
        self.backends = {
            "stream": self.receiver("stream"),
            "datagram": self.receiver("datagram", protocol="datagram"),
            "proxied": self.receiver("proxied", protocol="tcp"),
        }
        routes = "".join(f'[[route]]\nnames = ["{kind}.example.com"]\nbackend = "{kind}"\n' for kind in KINDS)
        self.snipass = self.router(
            routes + self.backend("stream") + self.backend("datagram", protocol="datagram")
            + f'[backend.proxied]\nproxy = ["127.0.0.1:{self.backends["proxied"].port}"]\n'
        )
        self.port = self.snipass.port()

    def check(self, answer, kind, **wanted):
        body = answer.body
        self.assertEqual(body["backend"], kind, answer)
        self.assertEqual(body["pid"], self.backends[kind].pid, answer)
        self.assertEqual({key: body[key] for key in wanted}, wanted, answer)
        return body

    def test_curl(self):
        for kind in KINDS:
            for option, version in (("1.2", "TLSv1.2"), ("1.3", "TLSv1.3")):
                with self.subTest(kind=kind, version=version):
                    answer = curl(self.port, f"{kind}.example.com", self.certificate, "--http1.1", f"--tlsv{option}",
                                  "--tls-max", option, "-w", "\nport %{local_port}\n")
                    body = self.check(answer, kind, version=version, chosen="http/1.1")
                    if kind != "proxied":
                        own = int(answer.output.rpartition("port ")[2])
                        self.assertEqual(body["peer"], ["127.0.0.1", own], "the backend sees the client itself")

    def test_openssl_s_client(self):
        for kind in KINDS:
            for option, version in (("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")):
                with self.subTest(kind=kind, version=version):
                    self.check(s_client(self.port, f"{kind}.example.com", self.certificate, option), kind, version=version)

    def test_gnutls_cli(self):
        for kind in KINDS:
            for option, version in (("1.2", "TLSv1.2"), ("1.3", "TLSv1.3")):
                with self.subTest(kind=kind, version=version):
                    priority = f"NORMAL:-VERS-ALL:+VERS-TLS{option}"
                    answer = gnutls_cli(self.port, f"{kind}.example.com", self.certificate, "--priority", priority)
                    self.check(answer, kind, version=version)

    def test_http2(self):
        for kind in KINDS:
            with self.subTest(kind=kind):
                answer = curl(self.port, f"{kind}.example.com", self.certificate, "--http2", "-i")
                self.assertIn("HTTP/2 200", answer.output)
                self.check(answer, kind, chosen="h2")

    def test_a_stream_backend_is_told_whom_it_gets(self):
        with python_tls(self.port, "stream.example.com", self.certificate, alpn=["http/1.1", "h2"]) as client:
            own = list(client.getsockname())
        taken = self.backends["stream"].taken()[0]
        self.assertEqual(taken["source"], own)
        self.assertEqual(taken["destination"], ["127.0.0.1", self.port])
        self.assertEqual((taken["authority"], taken["alpn"]), ("stream.example.com", "http/1.1"))
        self.assertEqual(len(taken["unique_id"]), 32)

    def test_a_hello_in_several_segments(self):
        names = ["http/1.1"] + [f"{number:0200}" for number in range(10)]  # 2 KB of ALPN
        for kind in KINDS:
            for segment in (1448, 536, 88):
                with self.subTest(kind=kind, segment=segment):
                    client = python_tls(self.port, f"{kind}.example.com", self.certificate, alpn=names, segment=segment)
                    with client:
                        client.sendall(harness.clients.REQUEST)
                        self.assertIn(b'"backend": "%s"' % kind.encode(), client.recv(65536))

    def test_a_hello_that_comes_in_pieces(self):
        for sizes in ([1], [4, 1], [5], [6, 500], [1] * 60, [1448]):
            dribble = self.keep(Dribble(self.port, sizes))
            for kind in KINDS:
                with self.subTest(kind=kind, sizes=sizes[:3]):
                    self.check(curl(dribble.port, f"{kind}.example.com", self.certificate), kind)
                    alpn = ",".join(["http/1.1"] + [f"{number:0200}" for number in range(40)])  # 8 KB
                    self.check(s_client(dribble.port, f"{kind}.example.com", self.certificate, "-alpn", alpn), kind)

    def test_session_resumption(self):
        for kind in KINDS:
            for option in ("-tls1_2", "-tls1_3"):
                with self.subTest(kind=kind, version=option):
                    session = self.folder / f"{kind}{option}.session"
                    name = f"{kind}.example.com"
                    first = s_client(self.port, name, self.certificate, option, "-sess_out", session)
                    self.assertRegex(first.output, r"(?m)^New, TLSv1\.[23]")
                    second = s_client(self.port, name, self.certificate, option, "-sess_in", session)
                    self.assertRegex(second.output, r"(?m)^Reused, TLSv1\.[23]")
                    self.check(second, kind)

    def test_the_name_is_compared_without_case_and_final_dot(self):
        for name in ("STREAM.Example.COM", "stream.example.com."):
            with self.subTest(name=name):
                self.check(s_client(self.port, name, self.certificate), "stream", authority="stream.example.com")

    def test_the_log_tells_one_line_for_each_client(self):
        for kind, outcome in (("stream", "handed_off"), ("datagram", "handed_off"), ("proxied", "proxied")):
            with python_tls(self.port, f"{kind}.EXAMPLE.com", self.certificate, alpn=["http/1.1", "h2"]) as client:
                own = client.getsockname()
            line = self.snipass.session(backend=kind)
            self.assertEqual(line["outcome"], outcome)
            self.assertEqual(line["client"], f"{own[0]}:{own[1]}")
            self.assertEqual(line["listener"], "127.0.0.1:0")
            self.assertEqual(line["server_name"], f"{kind}.EXAMPLE.com", "as sent")
            self.assertEqual((line["alpn"], line["match"]), (["http/1.1", "h2"], "exact"))
            self.assertGreater(line["hello_bytes"], 100)
            self.assertGreater(line["duration_us"], 0)
            self.assertRegex(line["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
            route = self.snipass.file.read_text().split("\n")[line["route"] - 1]
            self.assertEqual(route, "[[route]]")


class EarlyData(Case):
    """TLS 1.3 0-RTT: data that is behind the hello in the same flight."""

    def setUp(self):
        super().setUp()
        self.server = self.run_program(
            ["openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", self.certificate, "-key", self.key, "-early_data"],
            stdin=subprocess.PIPE,
        )
        line = self.server.wait_for(lambda me: [line for line in me.lines if line.startswith("ACCEPT ")], "ACCEPT")[0]
        port = line.rpartition(":")[2]
        self.stream = self.receiver("stream")
        self.raw = {"stream": self.receiver("raw-stream", serve="raw"),
                    "datagram": self.receiver("raw-datagram", protocol="datagram", serve="raw")}
        names = {"proxied": "proxied", "stream": "stream", "raw-stream": "raw-stream", "raw-datagram": "raw-datagram"}
        self.snipass = self.router(
            "".join(f'[[route]]\nnames = ["{name}.example.com"]\nbackend = "{backend}"\n' for name, backend in names.items())
            + f'[backend.proxied]\nproxy = ["127.0.0.1:{port}"]\n' + self.backend("stream") + self.backend("raw-stream")
            + self.backend("raw-datagram", protocol="datagram")
        )
        self.session = self.folder / "session"
        self.data = self.folder / "early"
        self.data.write_bytes(b"sent before the handshake\n" * 40)
        # A ticket that allows early data, from the server that can read it.
        first = self.connect_and_stay("-sess_out", self.session)
        wait_until(lambda: self.session.exists() and b"END SSL" in self.session.read_bytes(), "a ticket")
        # An orderly end: s_server forgets the sessions of connections that just break, and serves one client at a time.
        first.process.stdin.close()
        first.wait()

    def connect_and_stay(self, *options):
        return self.run_program(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{self.snipass.port()}", "-servername", "proxied.example.com",
             "-CAfile", self.certificate, "-tls1_3", *options], stdin=subprocess.PIPE)

    def test_a_proxied_server_accepts_it(self):
        client = self.connect_and_stay("-sess_in", self.session, "-early_data", self.data)
        self.server.wait_for(lambda me: me.lines.count("sent before the handshake") == 40, "the early data")
        client.process.stdin.close()
        client.wait()
        self.assertIn("Early data was accepted", client.lines)

    def test_a_server_that_takes_the_socket_skips_it_and_serves(self):
        answer = s_client(self.snipass.port(), "stream.example.com", self.certificate, "-tls1_3", "-sess_in", self.session,
                          "-early_data", self.data)
        self.assertIn("Early data was rejected", answer.output)
        self.assertEqual(answer.body["backend"], "stream")

    def test_not_a_byte_behind_the_hello_is_lost(self):
        for protocol in self.raw:
            for size in (1, 1000, 50_000):
                with self.subTest(protocol=protocol, size=size):
                    hello = harness.client_hello(f"raw-{protocol}.example.com")
                    sent = hello + bytes(range(256)) * 200 + b"x"
                    sent = sent[:len(hello) + size]
                    client = self.connect(self.snipass, sent)
                    client.shutdown(socket.SHUT_WR)
                    echoed, end = harness.read_all(client)
                    self.assertEqual(end, "fin")
                    self.assertEqual(echoed, sent)


class Examples(Case):
    """The two example programs, as the documentation of how to write a backend, serve real clients."""

    def test_they_serve(self):
        self.example("stream_backend", "stream")
        self.example("datagram_backend", "datagram")
        snipass = self.router(
            '[[route]]\nnames = ["stream.example.com"]\nbackend = "stream"\n'
            '[[route]]\nnames = ["datagram.example.com"]\nbackend = "datagram"\n'
            + self.backend("stream") + self.backend("datagram", protocol="datagram")
        )
        for kind in ("stream", "datagram"):
            with self.subTest(kind=kind):
                answer = curl(snipass.port(), f"{kind}.example.com", self.certificate, "-w", "port: %{local_port}\n")
                facts = dict(line.split(": ", 1) for line in answer.output.splitlines())
                self.assertEqual(facts["backend"], kind)
                self.assertEqual(facts["client"], f"127.0.0.1:{facts['port']}")
                self.assertEqual(facts["host_name"], f"{kind}.example.com")
                self.assertEqual(facts["alpn"], "http/1.1")


if __name__ == "__main__":
    harness.main()
