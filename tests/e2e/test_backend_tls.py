#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""What snipass-tls has decrypted is encrypted again on its way to a proxied backend."""

import contextlib
import os
import select
import socket
import ssl
import subprocess
import threading

from harness import Case, main, python_tls, read_exactly
from harness.case import HEAD
from harness.places import SNIPASS
from harness.tls_end import TlsSite, make_certificate


class Server:
    """A TLS server that says what it has heard, once it has heard the end."""

    def __init__(self, certificate, *, header=False, alpn=(), clients=None, version=ssl.TLSVersion.TLSv1_3):
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.context.load_cert_chain(certificate, certificate.parent / "privkey.pem")
        self.context.maximum_version = version
        if clients:  # whose authority this is
            self.context.load_verify_locations(clients)
            self.context.verify_mode = ssl.CERT_REQUIRED
        if alpn:
            self.context.set_alpn_protocols(list(alpn))
        self.header = header
        self.heard, self.told, self.shown = [], [], []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                raw, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=[raw], daemon=True).start()

    def serve(self, raw):
        try:
            if self.header:
                head = read_exactly(raw, 16)
                self.told.append(head + read_exactly(raw, int.from_bytes(head[14:], "big")))
            with self.context.wrap_socket(raw, server_side=True) as tls:
                self.shown.append(tls.getpeercert(binary_form=True))
                while data := tls.recv(65536):
                    tls.sendall(data)
        except (ssl.SSLError, OSError) as problem:
            self.heard.append(problem)


def der(certificate):
    return ssl.PEM_cert_to_DER_cert(certificate.read_text())


class BackendTls(TlsSite, Case):
    limits = ()

    def setUp(self):
        super().setUp()
        self.its = make_certificate(self.folder / "its", "backend.example", "a.example")

    def serve(self, certificate=None, **options):
        server = Server(certificate or self.its, **options)
        self.addCleanup(server.listener.close)
        return server

    def file(self, server, keys="", host="127.0.0.1"):
        return self.text(f'proxy = ["{host}:{server.port}"]\nbackend_tls = true\nbackend_ca = "{self.its}"\nhold = "0s"\n{keys}', head=HEAD)

    def both(self, server, *keys, **options):
        text = self.file(server, *keys, **options)
        self.tls = self.tls_end(text, prefix=self.limits)
        return self.router(head=text)

    def echoes(self, router, name="a.example", **options):
        """Whether the backend answers."""
        with python_tls(router.port(), name, self.a if name == "a.example" else self.b, **options) as client:
            client.sendall(b"echo")
            return client.recv(4) == b"echo"

    def test_the_backend_is_the_one_whose_name_the_client_asks_for(self):
        server = self.serve()
        router = self.both(server)
        self.assertTrue(self.echoes(router))
        self.assertEqual(self.tls.session(outcome="proxied")["end"], "finished")
        self.assertFalse(self.echoes(router, "b.example"))  # its certificate has not this name
        self.assertIn("TLS: our alert: ", self.tls.session(outcome="backend_failed")["detail"])

    def test_or_the_one_that_the_file_names(self):
        router = self.both(self.serve(), 'backend_name = "backend.example"\n')
        self.assertTrue(self.echoes(router, "b.example"))

    def test_or_the_one_of_the_address(self):
        router = self.both(self.serve(make_certificate(self.its.parent, "localhost")), host="localhost")
        self.assertTrue(self.echoes(router, "b.example"))

    def test_a_certificate_of_nobody_that_is_trusted_is_refused(self):
        server = self.serve(make_certificate(self.folder / "other", "a.example"))
        router = self.both(server)
        self.assertFalse(self.echoes(router))
        self.assertIn("certificate verify failed", self.tls.session(outcome="backend_failed")["detail"])

    def test_a_backend_that_speaks_no_tls_gets_no_word_of_the_client(self):
        heard = []
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)

        def serve():
            with listener.accept()[0] as plain, contextlib.suppress(ConnectionError):
                plain.sendall(b"220 hello\r\n")
                while data := plain.recv(4096):
                    heard.append(data)
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        server = type("Plain", (), {"port": listener.getsockname()[1]})
        router = self.both(server)
        self.assertFalse(self.echoes(router))
        self.tls.session(outcome="backend_failed")
        thread.join(30)
        self.assertNotIn(b"echo", b"".join(heard))

    def shows(self, version):
        """Whether a backend is shown what the file says; at the end it is shown nothing."""
        ours = make_certificate(self.folder / "ours", "snipass-tls.example")
        server = self.serve(clients=ours, version=version)
        router = None
        for value in (f'"{ours.parent}"', f'{{ chain = "{ours}", key = "{ours.parent}/privkey.pem" }}'):
            keys = f"backend_certificate = {value}\n"
            router = self.both(server, keys) if router is None else router
            self.tls.reload(self.file(server, keys))
            self.assertTrue(self.echoes(router))
            self.assertEqual(server.shown.pop(), der(ours))
        self.tls.reload(self.file(server))
        self.assertFalse(self.echoes(router))
        self.assertEqual(server.shown, [])

    def test_a_backend_that_asks_is_shown_a_certificate(self):
        self.shows(ssl.TLSVersion.TLSv1_3)  # our handshake is done before the backend looks
        self.tls.session(outcome="proxied", to_client=0)

    def test_a_backend_of_tls_1_2_that_is_shown_none_has_not_taken_the_client(self):
        self.shows(ssl.TLSVersion.TLSv1_2)
        self.assertIn("the backend's alert: ", self.tls.session(outcome="backend_failed")["detail"])

    def test_a_backend_that_does_not_ask_is_shown_none(self):
        ours = make_certificate(self.folder / "ours", "snipass-tls.example")
        server = self.serve()
        self.assertTrue(self.echoes(self.both(server, f'backend_certificate = "{ours.parent}"\n')))
        self.assertEqual(server.shown, [None])

    def test_a_reload_shows_the_new_certificate_and_a_bad_one_keeps_the_old(self):
        ours, other = (make_certificate(self.folder / name, f"{name}.example") for name in ("ours", "other"))
        old, new = der(ours), der(other)
        authorities = self.folder / "authorities.pem"
        authorities.write_bytes(ours.read_bytes() + other.read_bytes())
        server = self.serve(clients=authorities)
        router = self.both(server, f'backend_certificate = "{ours.parent}"\n')
        ours.write_bytes(other.read_bytes())
        self.tls.reload()
        self.tls.wait_for(lambda me: any("is not the key of the first certificate" in e.get("message", "") for e in me.events), "it says why")
        self.assertTrue(self.echoes(router))
        (ours.parent / "privkey.pem").write_bytes((other.parent / "privkey.pem").read_bytes())
        self.tls.reload()
        self.assertTrue(self.echoes(router))
        self.assertEqual(server.shown, [old, new])

    def test_check_reads_what_is_shown(self):
        file = self.folder / "f.toml"
        file.write_text(self.text(f'proxy = ["127.0.0.1:1"]\nbackend_tls = true\nbackend_ca = "{self.its}"\n'
                                  f'backend_certificate = "{self.folder}/none.pem"\n', head=HEAD))
        result = subprocess.run([SNIPASS, "check", str(file)], capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual(result.returncode, 2, result)
        self.assertRegex(result.stderr, r"f.toml:\d+:23: error: backend.b.backend_certificate: .*none.pem: cannot be read")

    def test_the_header_comes_before_and_the_protocol_is_the_clients(self):
        server = self.serve(header=True, alpn=("h2", "http/1.1"))
        router = self.both(server, 'proxy_protocol = "v2"\nalpn = ["h2", "http/1.1"]\n')
        self.assertTrue(self.echoes(router, alpn=("h2",)))
        self.assertIn(b"\x01\0\x02h2\x02\0\x09a.example", server.told[0])
        self.assertTrue(self.echoes(router, alpn=("http/1.1",)))

    def test_a_backend_that_does_not_speak_the_clients_protocol_is_refused(self):
        router = self.both(self.serve(alpn=("http/1.1",)), 'alpn = ["h2"]\n')
        self.assertFalse(self.echoes(router, alpn=("h2",)))
        self.assertIn("TLS: ", self.tls.session(outcome="backend_failed")["detail"])

    def test_many_clients_leave_descriptors_for_those_of_another_source(self):
        self.limits = ("prlimit", "--nofile=400:400")
        router = self.both(self.serve(), "max_pending = 1024\n")
        many = []
        for _ in range(120):  # some are refused, some make room for others
            with contextlib.suppress(ssl.SSLError, OSError):
                many.append(python_tls(router.port(), "a.example", self.a))
        self.assertTrue(self.echoes(router, source="127.0.0.7"))
        outcomes = {line["outcome"] for line in self.tls.events if line.get("event") == "session"}
        self.assertLessEqual(outcomes, {"proxied", "max_relayed", "max_relayed_source"})
        for one in many:
            one.close()

    def test_much_passes_whole_both_ways_and_its_end_too(self):
        router = self.both(self.serve())
        size = 32 << 20
        said = os.urandom(1 << 20) * (size >> 20)
        sent, heard = 0, bytearray()
        with python_tls(router.port(), "a.example", self.a) as client:
            client.setblocking(False)  # one thread: Python's sockets are not for two
            while len(heard) < size:
                before = sent + len(heard)
                with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLWantWriteError):
                    sent += client.send(said[sent:sent + (1 << 16)]) if sent < size else 0
                with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLWantWriteError):
                    data = client.recv(1 << 16)
                    self.assertTrue(data, len(heard))
                    heard += data
                if sent + len(heard) == before:
                    select.select([client], [client] if sent < size else [], [], 30)
            client.setblocking(True)
            client.unwrap()  # close_notify both ways
        self.assertTrue(heard == said)
        line = self.tls.session(outcome="proxied")
        self.assertEqual((line["to_backend"], line["to_client"], line["end"]), (size, size, "finished"))


if __name__ == "__main__":
    main()
