#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""testssl.sh finds nothing at snipass-tls: protocols, ciphers, forward secrecy, the certificates' side of the handshake, and the
known attacks. What it says of other servers shows that it would."""

import json
import shutil
import subprocess

from harness import Case, main
from harness.tls_end import TlsSite

TESTSSL = shutil.which("testssl") or "testssl.sh"  # Debian's name, and its own
GRAVE = ("MEDIUM", "HIGH", "CRITICAL", "WARN", "FATAL")
# What it says, whatever the server does.
NOT_OF_THE_SERVER = {
    "cert_revocation",  # the certificates name no list of what was revoked, and nobody to ask: their authority has neither
    "sessionresumption_ticket",  # its client ends without waiting for the ticket of TLS 1.3, which it then misses
    "engine_problem",  # this machine's OpenSSL has no GOST
}
EXTENSIONS = """
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature{more}
extendedKeyUsage = serverAuth
subjectAltName = DNS:a.example
"""
WEAK = ["-cipher", "ALL:@SECLEVEL=0", "-tls1_2", "-no_ticket"]  # CBC and RSA key exchange, without forward secrecy


class TlsScanner(TlsSite, Case):
    def openssl(self, *arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)

    def issue(self, name, *key, more=""):
        """A folder with a certificate of the authority's for a.example, good for as long as those of the largest one."""
        folder = self.live / name
        folder.mkdir(exist_ok=True)
        request, extensions = folder / "request", folder / "extensions"
        extensions.write_text(EXTENSIONS.format(more=more))
        self.openssl("req", "-newkey", *key, "-nodes", "-subj", "/CN=a.example", "-keyout", folder / "privkey.pem", "-out", request)
        self.openssl("x509", "-req", "-in", request, "-days", 90, "-CA", self.authority, "-CAkey", self.folder / "authority.key",
                     "-CAcreateserial", "-extfile", extensions, "-sha256", "-out", folder / "fullchain.pem")
        return folder

    def setUp(self):
        super().setUp()
        self.authority = self.folder / "authority.pem"
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", 900, "-subj", "/CN=An authority",
                     "-keyout", self.folder / "authority.key", "-out", self.authority)
        self.issue("a", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
        self.rsa = self.issue("rsa", "rsa:2048", more=",keyEncipherment")

    def findings(self, port, *checks):
        """What is grave of what it finds: severity, id, words."""
        report = self.folder / f"report{port}.json"
        done = subprocess.run([TESTSSL, "--quiet", "--color", "0", "--warnings", "off", "--sneaky", "--nodns", "none", "--ip", "127.0.0.1",
                               "--add-ca", self.authority, *checks, "--jsonfile", report, f"a.example:{port}"],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd=self.folder, check=False)
        told = json.loads(report.read_text())
        self.assertGreater(len(told), 10, done.stdout + done.stderr)
        return [f"{one['severity']} {one['id']}: {one['finding']}" for one in told
                if one["severity"] in GRAVE and one["id"].split(" ")[0] not in NOT_OF_THE_SERVER]

    def test_it_finds_nothing(self):
        self.receiver("b", serve="raw")
        # Some of its questions come without a name.
        port = self.both(self.of_socket() + 'alpn = ["h2", "http/1.1"]\n', '[default]\nbackend = "b"\n', server='default = "a.example"\n').port()
        self.assertEqual(self.findings(port, "-p", "-s", "-f", "-P", "-S", "-U"), [])

    def test_it_finds_what_is_weak_in_a_weak_server(self):
        server = self.run_program(["openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", self.rsa / "fullchain.pem",
                                   "-key", self.rsa / "privkey.pem", *WEAK, "-www"])
        line = server.wait_for(lambda me: [line for line in me.lines if line.startswith("ACCEPT ")], "its port")[0]
        found = "\n".join(self.findings(line.rpartition(":")[2], "-p", "-s"))
        self.assertIn("cipherlist_", found)


if __name__ == "__main__":
    main()
