# SPDX-License-Identifier: BSL-1.0
"""snipass-tls behind a router, both with one file."""

import subprocess

from .case import HEAD
from .places import BUILD
from .process import is_listened_on, wait_until
from .router import Router

PROGRAM = BUILD / "snipass-tls"


def make_certificate(folder, *names, key=("ec", "-pkeyopt", "ec_paramgen_curve:P-256"), days=2):
    """A folder as certbot has them, made anew."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["openssl", "req", "-x509", "-newkey", *key, "-nodes", "-days", str(days), "-subj", f"/CN={names[0]}",
                    "-addext", "subjectAltName=" + ",".join(f"DNS:{name}" for name in names),
                    "-keyout", "privkey.pem", "-out", "fullchain.pem"], cwd=folder, check=True, capture_output=True)
    (folder / "privkey.pem").chmod(0o600)
    return folder / "fullchain.pem"


class TlsEnd(Router):
    def __init__(self, folder, configuration, **options):
        super().__init__(folder, configuration, name=f"tls-{id(self)}", program=PROGRAM, **options)


class TlsSite:
    """What tests of snipass-tls share: certificates for a.example and b.example, a router and a snipass-tls."""
    plaintext = "relay"

    def setUp(self):
        super().setUp()
        self.live = self.folder / "live"
        self.a = make_certificate(self.live / "a", "a.example", "*.w.example")
        self.b = make_certificate(self.live / "b", "b.example", key=("rsa:2048",))
        self.socket = self.folder / "b.sock"

    def text(self, backend, rest="", *, head, server=""):
        """The file of both: `backend` is what stands in [backend.b] besides tls."""
        return head + f"""
[tls]
certificates = ["{self.live}/*"]
handoff = "unix:{self.folder}/tls.sock"
{server}
[[route]]
names = ["a.example", "b.example", "*.w.example", "none.example"]
backend = "b"
[backend.b]
tls = "terminate"
{backend}
{rest}
"""

    def tls_end(self, text, **options):
        return self.keep(TlsEnd(self.folder, text, **options))

    def both(self, backend, rest="", *, server="", **options):
        """A router and a snipass-tls. Clients come while neither is told of them."""
        text = self.text(backend, rest, head=HEAD, server=server)
        self.tls = self.tls_end(text, **options)
        return self.router(head=text)

    def of_socket(self, hold="5s"):
        return f'handoff = "unix:{self.socket}"\nhold = "{hold}"\nplaintext = "{self.plaintext}"\n'

    def unmodified(self, *command, listen="127.0.0.1:8080", **others):
        """A server that speaks plain HTTP or less, under snipass-run; `others`: what else it listens on, by the socket's name."""
        sockets = {self.socket: listen, **{self.folder / f"{name}.sock": port for name, port in others.items()}}
        for path, port in sockets.items():
            command = (BUILD / "snipass-run", path, "--listen", port, "--from", "0", "--", *command)
        server = self.run_program(command)
        for path in sockets:
            wait_until(lambda: is_listened_on(path), "the server listens")
        return server


__all__ = ["PROGRAM", "TlsEnd", "TlsSite", "make_certificate"]
