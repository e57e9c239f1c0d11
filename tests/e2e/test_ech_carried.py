#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""ech = "carried": servers without the keys of Encrypted ClientHello, behind the router: one that gets the socket with what
opens its second hello (NSS), and one that is relayed to (Go)."""

import signal
import socket
import subprocess
import unittest

from harness import DEADLINE, Case, client_programs, ech, main
from harness.case import HEAD
from harness.ech import EchSite
from harness.places import BUILD
from harness.process import is_listened_on, wait_until
from harness.tls_end import make_certificate
from test_ech_stacks import HAS_GO

NSS_BACKEND = BUILD / "examples" / "nss_backend"
REQUEST = b"GET / HTTP/1.1\r\nHost: secret.example\r\nConnection: close\r\n\r\n"


def text_of(done):
    return done.stdout + done.stderr


class Carried(EchSite, Case):
    def setUp(self):
        super().setUp()
        self.names = make_certificate(self.folder / "live", "secret.example", "public.example")
        self.key_file = self.names.with_name("privkey.pem")

    def begin(self, backend):
        whole = self.text(f"""
[[route]]
names = ["secret.example"]
backend = "web"
[[route]]
names = ["public.example"]
backend = "front"
[backend.web]
{backend}
ech = "carried"
[backend.front]
proxy = "127.0.0.1:1"
""", head=HEAD)
        self.config = self.new_key(whole)
        self.helper = self.ech_end(whole)
        self.front = self.router(head=whole, compare_descriptors=False)

    def nss_client(self, *options):
        request = self.folder / "request"
        request.write_bytes(REQUEST)
        return subprocess.run(["tstclnt", "-o", "-D", "-h", "127.0.0.1", "-p", str(self.front.port()), "-a", "secret.example",
                               "-V", "tls1.3:tls1.3", "-N", self.config.text, *options],
                              capture_output=True, text=True, timeout=DEADLINE, check=False, stdin=subprocess.DEVNULL)


class HandedOff(Carried):
    """The server has the client's own socket."""

    def begin_with_nss(self, *options):
        if not NSS_BACKEND.exists():
            self.skipTest("built without NSS")
        database, bundle = self.folder / "nss", self.folder / "site.p12"
        database.mkdir()
        for command in (["certutil", "-N", "-d", f"sql:{database}", "--empty-password"],
                        ["openssl", "pkcs12", "-export", "-in", self.names, "-inkey", self.key_file, "-name", "site",
                         "-out", bundle, "-passout", "pass:none"],
                        ["pk12util", "-i", bundle, "-d", f"sql:{database}", "-W", "none"]):
            subprocess.run([str(word) for word in command], check=True, capture_output=True, timeout=DEADLINE)
        path = self.folder / "web.sock"
        self.server = self.run_program([NSS_BACKEND, *options, path, f"sql:{database}", "site", "web"])
        wait_until(lambda: is_listened_on(path), "the server")
        self.begin(f'handoff = "unix:{path}"')

    def check(self, *options):
        self.begin_with_nss(*options)
        answer = self.nss_client("-A", str(self.folder / "request"))
        self.assertIn("host_name: secret.example", answer.stdout, text_of(answer))
        self.assertIn("ech: yes", answer.stdout)
        line = self.front.session(server_name="secret.example")
        self.assertEqual((line["ech"], line["backend"], line["outcome"]), ("opened", "web", "handed_off"), line)

    def test_nss_to_nss(self):
        self.check()

    def test_nss_to_nss_with_a_hello_retry_request(self):
        self.check("--p256")

    def test_the_router_is_killed_between_the_handoff_and_the_second_hello(self):
        """What the client says goes through a wire of the test's, which keeps the second hello back."""
        self.begin_with_nss("--p256")
        with socket.create_server(("127.0.0.1", 0)) as wire:
            request = self.folder / "request"
            request.write_bytes(REQUEST)
            client = self.run_program(["tstclnt", "-o", "-D", "-h", "127.0.0.1", "-p", str(wire.getsockname()[1]), "-a", "secret.example",
                                       "-V", "tls1.3:tls1.3", "-N", self.config.text, "-A", str(request)])
            wire.settimeout(DEADLINE)
            near, _ = wire.accept()
            with near, socket.create_connection(("127.0.0.1", self.front.port())) as far:
                near.settimeout(DEADLINE)
                far.settimeout(DEADLINE)
                far.sendall(near.recv(65536))
                near.sendall(far.recv(65536))  # HelloRetryRequest: the server has the client
                second = near.recv(65536)
                self.front.process.send_signal(signal.SIGKILL)
                self.front.process.wait()
                far.sendall(second)
                near.sendall(far.recv(65536))
                self.pump(near, far)
            client.wait_for(lambda me: [one for one in me.lines if "host_name: secret.example" in one], "an answer")

    @staticmethod
    def pump(near, far):
        for source, sink in ((near, far), (far, near)):
            source.setblocking(False)
            sink.setblocking(False)
        is_over = False

        def one_round():
            nonlocal is_over
            for source, sink in ((near, far), (far, near)):
                try:
                    part = source.recv(65536)
                except BlockingIOError:
                    continue
                except ConnectionError:
                    is_over = True
                    continue
                is_over = is_over or not part
                sink.sendall(part)
            return is_over

        wait_until(one_round, "the end of the connection")


@HAS_GO
class Relayed(Carried):
    """The router gives the server the hellos, and relays."""

    def begin_with_go(self, curve="x25519"):
        program = client_programs.go("ech_server.go", "go-ech-server")
        self.server = self.run_program([program, self.names, self.key_file, "-", curve])
        line = self.server.wait_for(lambda me: [one for one in me.lines if one.startswith("listening ")], "listening")[0]
        self.begin(f'proxy = "127.0.0.1:{int(line.split()[1])}"')

    def check(self, curve, retried):
        self.begin_with_go(curve)
        program = client_programs.go("ech_client.go", "go-ech-client")
        answer = subprocess.run([program, str(self.front.port()), "secret.example", self.names, self.config.text],
                                capture_output=True, text=True, timeout=DEADLINE, check=False)
        self.assertEqual(answer.stdout, f"ech true retried {retried}\nsecret.example hello\n", text_of(answer))
        line = self.front.session(server_name="secret.example")
        self.assertEqual((line["ech"], line["backend"], line["outcome"]), ("opened", "web", "proxied"), line)

    def test_go_to_go(self):
        self.check("x25519", "false")

    def test_go_to_go_with_a_hello_retry_request(self):
        self.check("p384", "true")

    def test_nss_to_go_with_a_hello_retry_request(self):
        self.begin_with_go("p384")
        answer = self.nss_client("-Q")
        self.assertEqual(answer.returncode, 0, text_of(answer))
        self.server.wait_for(lambda me: [one for one in me.lines if one.startswith("served secret.example")], "a client")

    def test_a_second_hello_that_cannot_be_opened_is_told_so(self):
        self.begin_with_go("p384")
        hello = self.config.hello(ech.body(ech.inner("secret.example")))
        with socket.create_connection(("127.0.0.1", self.front.port())) as client:
            client.settimeout(DEADLINE)
            client.sendall(hello)
            said = client.recv(65536)
            if said[0] == 22:  # a HelloRetryRequest: our hello has one share, of X25519
                client.sendall(hello)
                said = ech.read_to_end(client)
                self.assertIn(ech.ILLEGAL_PARAMETER, said)  # it has an enc


if __name__ == "__main__":
    main()
