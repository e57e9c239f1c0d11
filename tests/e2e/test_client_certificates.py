#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Clients that show certificates to snipass-tls."""

import ssl
import subprocess

from harness import Case, main, read_all
from harness.case import HEAD
from harness.places import SNIPASS
from harness.tls_end import TlsSite
from test_scgi import ModuleBackend


class ClientCertificates(TlsSite, Case):
    def setUp(self):
        super().setUp()
        self.issuer = self.issue("issuer", authority=True)
        self.mine = self.issue("somebody", by=self.issuer)

    def issue(self, name, by=None, authority=False):
        """A certificate and its key in one file."""
        path = self.folder / f"{name}.pem"
        signed = ["-CA", by, "-CAkey", by] if by else []
        key, certificate = self.folder / f"{name}.key", self.folder / f"{name}.crt"
        subprocess.run(["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                        "-keyout", key, "-out", certificate.with_suffix(".csr")], check=True, capture_output=True)
        extensions = self.folder / "extensions"
        extensions.write_text("basicConstraints=critical,CA:" + str(authority).upper() + "\n")
        subprocess.run(["openssl", "x509", "-req", "-in", certificate.with_suffix(".csr"), "-days", "2", "-extfile", extensions,
                        *(signed or ["-signkey", key]), "-set_serial", str(abs(hash(name)) % 10**9 + 1), "-out", certificate],
                       check=True, capture_output=True)
        path.write_bytes(key.read_bytes() + certificate.read_bytes())
        return path

    def both(self, backend):
        text = self.text(backend + f'client_ca = "{self.issuer}"\n', head=HEAD)
        self.tls = self.tls_end(text)
        return self.router(head=text)

    def context(self, shows=None):
        context = ssl.create_default_context(cafile=str(self.a))
        if shows:
            context.load_cert_chain(shows)
        return context

    def answer(self, router, shows=None):
        """What an echo server says to such a client: b"" if it is let in nowhere."""
        try:
            with self.context(shows).wrap_socket(self.connect(router), server_hostname="a.example") as client:
                client.sendall(b"echo")
                return client.recv(4)
        except (ssl.SSLError, ConnectionError):
            return b""

    def test_only_who_shows_one_is_served_and_the_backend_hears_whose(self):
        receiver = self.receiver("b", serve="raw")
        router = self.both(f'handoff = "unix:{self.socket}"\n')
        self.assertEqual(self.answer(router), b"")
        self.assertIn("did not return a certificate", self.tls.session(outcome="handshake_failed")["detail"])
        self.assertEqual(self.answer(router, self.issue("stranger")), b"")
        self.assertEqual(self.answer(router, self.mine), b"echo")
        told = bytes.fromhex(receiver.taken()[0]["ssl"])
        self.assertTrue(told.startswith(b"\x07\0\0\0\0"), told)
        self.assertIn(b"\x22\0\x08somebody", told)
        self.assertEqual(self.tls.session(outcome="handed_off")["client_name"], "somebody")

    def test_who_shows_none_may_be_served_too(self):
        receiver = self.receiver("far", protocol="tcp-v2", serve="raw")
        router = self.both(f'proxy = ["127.0.0.1:{receiver.port}"]\nproxy_protocol = "v2"\nverify = "optional"\n')
        self.assertEqual(self.answer(router), b"echo")
        self.assertEqual(self.answer(router, self.mine), b"echo")
        self.assertEqual(self.answer(router, self.issue("stranger")), b"")
        told = [bytes.fromhex(report["ssl"])[:5] for report in receiver.taken(2)]
        self.assertEqual(told, [b"\x01\0\0\0\x01", b"\x07\0\0\0\0"])

    def test_a_backend_of_scgi_hears_whose(self):
        module = self.keep(ModuleBackend(self.socket))
        router = self.both(f'handoff = "unix:{self.socket}"\nprotocol = "scgi"\nverify = "optional"\n')
        for shows, wanted in ((None, {b"SSL_CLIENT_VERIFY": b"NONE"}),
                              (self.mine, {b"SSL_CLIENT_VERIFY": b"SUCCESS", b"SSL_CLIENT_S_DN_CN": b"somebody"})):
            with self.context(shows).wrap_socket(self.connect(router), server_hostname="a.example") as client:
                client.sendall(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
                self.assertIn(b"200 OK", read_all(client)[0])
            told = dict(module.requests[-1][0])
            self.assertEqual({name: told[name] for name in told if name.startswith(b"SSL_CLIENT")}, wanted)

    def test_a_reload_takes_another_authority_and_a_bad_one_keeps_the_old(self):
        self.receiver("b", serve="raw")
        router = self.both(f'handoff = "unix:{self.socket}"\n')
        good, other = self.issuer.read_bytes(), self.issue("other", authority=True)
        self.issuer.write_bytes(other.read_bytes())
        self.tls.reload()
        self.assertEqual(self.answer(router, self.mine), b"")
        self.assertEqual(self.answer(router, self.issue("of-other", by=other)), b"echo")
        self.issuer.write_bytes(b"nothing")
        self.tls.reload()
        self.tls.wait_for(lambda me: any("has no certificate in PEM" in e.get("message", "") for e in me.events), "it says why")
        self.assertEqual(self.answer(router, self.issue("of-other-too", by=other)), b"echo")
        self.issuer.write_bytes(good)

    def test_a_chain_has_a_bound(self):
        self.receiver("b", serve="raw")
        router = self.both(f'handoff = "unix:{self.socket}"\n')
        for copies, answer in ((20, b"echo"), (200, b"")):
            chain = self.folder / "chain.pem"
            chain.write_bytes(self.mine.read_bytes() + (self.folder / "issuer.crt").read_bytes() * copies)
            self.assertEqual(self.answer(router, chain), answer)
        self.assertIn("excessive message size", self.tls.session(outcome="handshake_failed")["detail"])

    def test_check_reads_the_authorities(self):
        file = self.folder / "f.toml"
        file.write_text(self.text(f'handoff = "unix:{self.socket}"\nclient_ca = "{self.folder}/none.pem"\n', head=HEAD))
        result = subprocess.run([SNIPASS, "check", str(file)], capture_output=True, text=True, timeout=30)
        self.assertEqual(result.returncode, 2, result)
        self.assertRegex(result.stderr, r"f.toml:\d+:13: error: backend.b.client_ca: .*none.pem: cannot be read")


if __name__ == "__main__":
    main()
