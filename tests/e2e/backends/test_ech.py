# SPDX-License-Identifier: BSL-1.0
"""Clients with Encrypted ClientHello at a server without its keys: examples/nss_backend, behind a sender that has them."""
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from harness import ech_router, handoff_sender, main  # noqa: E402
from harness.backend_case import BackendCase  # noqa: E402
from harness.places import BUILD  # noqa: E402
from harness.process import DEADLINE, wait_until  # noqa: E402

NSS_BACKEND = BUILD / "examples" / "nss_backend"
REQUEST = b"GET / HTTP/1.1\r\nHost: secret.example\r\nConnection: close\r\n\r\n"


class EchCase(BackendCase):
    def setUp(self):
        super().setUp()
        if not NSS_BACKEND.exists():
            self.skipTest("built without NSS")
        if not ech_router.is_possible():
            self.skipTest("python3-cryptography is missing")
        self.database = self.folder / "nss"
        self.database.mkdir()
        bundle, database = self.folder / "site.p12", f"sql:{self.database}"
        for command in (["certutil", "-N", "-d", database, "--empty-password"],
                        ["openssl", "pkcs12", "-export", "-in", self.certificate, "-inkey", self.key, "-name", "site",
                         "-out", bundle, "-passout", "pass:none"],
                        ["pk12util", "-i", bundle, "-d", database, "-W", "none"]):
            subprocess.run([str(word) for word in command], check=True, capture_output=True, timeout=DEADLINE)

    def serve(self, *options):
        self.start(NSS_BACKEND, *options, self.socket, f"sql:{self.database}", "site", "blog")
        self.wait_for_socket()

    def nss(self, port, configs, *options, name="secret.example"):
        """The client of NSS; what it was answered."""
        request = self.folder / "request"
        request.write_bytes(REQUEST)
        done = subprocess.run(["tstclnt", "-h", "127.0.0.1", "-p", str(port), "-a", name, "-D", "-o", "-V", "tls1.3:tls1.3",
                               "-A", str(request), *(["-N", configs] if configs else []), *options],
                              capture_output=True, timeout=2 * DEADLINE, check=False)
        return done.stdout.decode(errors="replace") + done.stderr.decode(errors="replace")


class NssClient(EchCase):
    def check(self, *options, suites=(ech_router.AES_128_GCM,), client_options=()):
        self.serve(*options)
        key = ech_router.Key(suites=suites)
        with ech_router.EchRouter(str(self.socket), key) as router:
            said = self.nss(router.port, key.text, *client_options)
            self.assertIn("host_name: secret.example", said)
            self.assertIn("ech: yes", said)
            wait_until(lambda: router.outcomes == {"taken": 1}, "a client that was taken")
            self.assertIsNotNone(router.opened[0])

    def test_is_served_by_the_inner_name(self):
        self.check()

    def test_is_asked_for_a_second_hello(self):
        self.check("--p256")

    def test_each_aead_opens_the_second_hello(self):
        self.check("--p256", suites=(ech_router.CHACHA20_POLY1305,))

    def test_without_ech_it_is_served_as_ever(self):
        self.serve()
        with handoff_sender.Sender(str(self.socket)) as router:
            self.assertIn("ech: no", self.nss(router.port, None))


if __name__ == "__main__":
    main()
