# SPDX-License-Identifier: BSL-1.0
"""Certificates by ACME through the router: a real client (lego), a local authority (pebble), the challenges tls-alpn-01 and http-01."""

import json
import shutil
import socket
import subprocess
import sys

import harness
from harness import Case, curl, wait_until

TOOLS = ("lego", "pebble", "pebble-challtestsrv")
SKIPPED = 77

# One client for the certificates of all names (docs/acme.md): a route without names.
FOR_ALL = """
[[route]]
alpn = ["acme-tls/1"]
backend = "acme"
[[route]]
names = ["www.example.com", "*.example.com"]
backend = "site"
"""

# A server that gets its certificates itself: a name is enough.
BY_NAME = """
[[route]]
names = ["own.example.com"]
backend = "acme"
[[route]]
names = ["*.example.com"]
backend = "site"
"""

# All of port 80 goes to https, but for the challenge (config/examples/port-80.toml).
PORT_80 = """
[[listener]]
address = "0.0.0.0:0"
protocol = "http"
[[route]]
paths = ["/.well-known/acme-challenge/*"]
backend = "acme"
[[route]]
paths = ["/*"]
backend = "https"
[[route]]
names = ["www.example.com", "*.example.com"]
backend = "site"
[backend.https]
redirect = "https"
"""

# What looks right and is not.
TOO_LATE = FOR_ALL.replace('alpn =', 'names = ["/.*/"]\nalpn =')


def free_port(kind=socket.SOCK_STREAM):
    """Of a program that cannot be given port 0."""
    with socket.socket(socket.AF_INET, kind) as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def answers(port):
    """Whether the DNS server there answers a question for localhost's address."""
    question = bytes.fromhex("0001 0100 0001 0000 0000 0000 096c6f63616c686f7374 00 0001 0001")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.settimeout(0.2)
        one.connect(("127.0.0.1", port))
        try:
            one.send(question)
            return one.recv(512)[:2] == question[:2]
        except OSError:
            return False


class Certificates(Case):
    def start_all(self, routes):
        self.lego_port = free_port()
        self.receiver("site")
        acme = f'\n[backend.acme]\nproxy = "127.0.0.1:{self.lego_port}"\n'
        self.snipass = self.router(routes + self.backend("site") + acme)
        dns, self.directory = free_port(socket.SOCK_DGRAM), free_port()
        self.run_program(
            ["pebble-challtestsrv", "-defaultIPv4", "127.0.0.1", "-defaultIPv6", "", "-dns01", f"127.0.0.1:{dns}",
             "-http01", "", "-https01", "", "-tlsalpn01", "", "-management", f"127.0.0.1:{free_port()}"],
        )
        wait_until(lambda: answers(dns), "a DNS server")
        file = self.folder / "pebble.json"
        file.write_text(json.dumps({"pebble": {
            "listenAddress": f"127.0.0.1:{self.directory}", "managementListenAddress": f"127.0.0.1:{free_port()}",
            "certificate": str(self.certificate), "privateKey": str(self.key),
            "httpPort": self.snipass.port("0.0.0.0:0") if "0.0.0.0:0" in routes else 1,
            "tlsPort": self.snipass.port(),
        }}))
        self.run_program(
            ["pebble", "-config", file, "-dnsserver", f"127.0.0.1:{dns}"],
            env={"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0"},
        ).wait_for(lambda me: any("ACME directory available" in line for line in me.lines), "an authority")

    def ask_for(self, name, challenge="tls"):
        """Whether lego got a certificate for name, and what it said."""
        ran = subprocess.run(
            ["lego", "--accept-tos", "--email", "admin@example.com", "--path", self.folder / "lego", "--domains", name,
             "--server", f"https://127.0.0.1:{self.directory}/dir", f"--{challenge}", f"--{challenge}.port", f"127.0.0.1:{self.lego_port}", "run"],
            env={"LEGO_CA_CERTIFICATES": str(self.certificate), "PATH": "/usr/bin:/bin", "HOME": str(self.folder)},
            capture_output=True, text=True, timeout=120,
        )
        return ran.returncode == 0 and (self.folder / f"lego/certificates/{name}.crt").exists(), ran.stdout + ran.stderr

    def test_one_client_for_all_names(self):
        self.start_all(FOR_ALL)
        for name in ("www.example.com", "other.example.com"):
            got, said = self.ask_for(name)
            self.assertTrue(got, said)
            line = self.snipass.session(server_name=name, backend="acme")
            self.assertEqual((line["match"], line["outcome"]), ("conditions", "proxied"))
            # Meanwhile, and afterwards, the site is the site's.
            self.assertEqual(curl(self.snipass.port(), name, self.certificate).body["backend"], "site")

    def test_a_server_that_gets_its_certificates_itself(self):
        self.start_all(BY_NAME)
        got, said = self.ask_for("own.example.com")
        self.assertTrue(got, said)
        self.assertEqual(self.snipass.session(backend="acme")["match"], "exact")

    def test_by_http_while_all_else_goes_to_https(self):
        self.start_all(PORT_80)
        got, said = self.ask_for("www.example.com", "http")
        self.assertTrue(got, said)
        line = self.snipass.session(host="www.example.com", backend="acme")
        self.assertEqual((line["match"], line["method"], line["outcome"]), ("conditions", "GET", "proxied"))
        # Whoever asks for anything else is sent to the site, which is the site's.
        port = self.snipass.port("0.0.0.0:0")
        followed = subprocess.run(
            ["curl", "-sSL", "--noproxy", "*", "--max-time", "30", "--cacert", self.certificate,
             "--connect-to", f"www.example.com:80:127.0.0.1:{port}",
             "--connect-to", f"www.example.com:443:127.0.0.1:{self.snipass.port()}", "http://www.example.com/"],
            capture_output=True, text=True)
        self.assertIn('"backend": "site"', followed.stdout, followed.stderr)
        self.assertEqual(self.snipass.session(outcome="redirected")["status"], 301)

    def test_a_name_for_every_name_comes_too_late(self):
        self.start_all(TOO_LATE)
        got, said = self.ask_for("www.example.com")
        self.assertFalse(got, said)
        checked = subprocess.run([harness.router.SNIPASS, "check", "--config", self.snipass.file], capture_output=True, text=True)
        self.assertIn("leave names out", checked.stdout + checked.stderr)


if __name__ == "__main__":
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing:
        print(f"skipped: no {', '.join(missing)} here (scripts/install-deps test)")
        sys.exit(SKIPPED)
    harness.main()
