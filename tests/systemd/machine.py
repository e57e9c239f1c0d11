# SPDX-License-Identifier: BSL-1.0
"""What the tests of servers behind snipass.service have in common: programs to serve, what the documents say, and what an admin does."""

import errno
import grp
import os
import pathlib
import pwd
import re
import shutil
import stat
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from harness import DEADLINE, Case, python_tls  # noqa: E402
from test_units import CONFIGURATION, systemctl  # noqa: E402

DOCUMENTS = pathlib.Path("/usr/share/doc/snipass")
EXAMPLES = DOCUMENTS / "examples/systemd"
SYSTEM = pathlib.Path("/etc/systemd/system")

HEADINGS = {"nginx": "nginx", "apache2": "Apache", "haproxy": "HAProxy", "lighttpd": "lighttpd", "app": "Node", "blog": "Python",
            "api": "Go", "shop": "A program that has a unit"}  # of docs/backends.md

TEXT = """
[log]
format = "json"
[[listener]]
address = "{address}"
[backend.site]
handoff = "unix:{socket}"
hold = "20s"
[default]
backend = "site"
"""

NGINX = """
server {{
    listen 443 ssl http2; listen [::]:443 ssl http2;
    ssl_certificate {certificate}; ssl_certificate_key {key};
    location / {{ default_type text/plain; return 200 "client: $remote_addr:$remote_port\\n"; }}
}}
"""

NODE = """
const fs = require('fs');
require('https').createServer({cert: fs.readFileSync('/etc/ssl/app/cert.pem'), key: fs.readFileSync('/etc/ssl/app/key.pem')},
  (request, response) => response.end(`client: ${request.socket.remoteAddress.replace('::ffff:', '')}:${request.socket.remotePort}\n`)).listen(8443);
"""

PYTHON = """
import http.server, ssl
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write("client: {}:{}\\n".format(*self.client_address[:2]).encode())
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("/etc/ssl/site/cert.pem", "/etc/ssl/site/key.pem")
server = http.server.ThreadingHTTPServer(("127.0.0.1", 8443), Handler)
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
server.serve_forever()
"""


def blocks_of(document, heading, language=""):
    """The blocks of that section in a language, by lines; without one, what an admin types. Users that are there from another test
    are not added again."""
    section = re.split(r"\n##+ ", re.split(rf"\n##+ {re.escape(heading)}\n", (DOCUMENTS / document).read_text())[1])[0]
    blocks = re.findall(r"^ *```(.*?)\n(.*?)^ *```$", section, re.DOTALL | re.MULTILINE)
    users = {f"useradd --system {user.pw_name}" for user in pwd.getpwall()}
    return [[line.strip() for line in block.splitlines() if line.strip() not in users and not line.strip().startswith("editor ")]
            for its_language, block in blocks if its_language == language]


def commands_of(document, heading):
    return [line for block in blocks_of(document, heading) for line in block]


class Machine(Case):
    def setUp(self):
        super().setUp()
        self.addCleanup(self.reset)
        # apache2.service has a /tmp of its own.
        for name in ("certificate", "key"):
            setattr(self, name, shutil.copy(getattr(self, name), f"/etc/ssl/private/{name}.pem"))

    def reset(self):
        if self._outcome.result.failures or self._outcome.result.errors:
            print(subprocess.run(["journalctl", "--no-pager", "--lines=60"], capture_output=True, text=True, check=False).stdout)
        systemctl("disable", "--now", "snipass.service", "snipass.socket", check=False)
        systemctl("stop", *(f"{unit}.service" for unit in (*HEADINGS, "inner")), check=False)
        systemctl("reset-failed", check=False)

    def install(self, unit):
        """What docs/backends.md says, and that is what the comment at the top of the drop-in, or the unit, says."""
        source, what = EXAMPLES / f"{unit}.service.d", "/snipass.conf"
        if not source.exists():
            source, what = EXAMPLES / f"{unit}.service", ""
        self.assertIn(f"# {SYSTEM / source.name}{what}\n", pathlib.Path(f"{source}{what}").read_text())
        self.socket = pathlib.Path(f"/run/{unit}-handoff/handoff.sock")
        CONFIGURATION.write_text(TEXT.format(address="[::]:443", socket=self.socket))
        self.type(line for line in commands_of("docs/backends.md", HEADINGS[unit]) if "systemctl" in line or "/etc/systemd" in line or "useradd" in line)
        systemctl("start", "snipass.service")

    def type(self, commands):
        for command in commands:
            done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=2 * DEADLINE, check=False)
            self.assertEqual(done.returncode, 0, f"{command}: {done.stderr}")

    def fetch(self, name="www.example.com"):
        """One client: its own address, and what it was told."""
        with python_tls(443, name, self.certificate) as client:
            own = "{}:{}".format(*client.getsockname()[:2])
            client.sendall(f"GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())
            answer = b""
            while more := client.recv(65536):
                answer += more
        self.assertIn(b"HTTP/1.1 200 OK", answer)
        return own, answer.decode(errors="replace")

    def check_door(self):
        """The folder is the router's group's to enter, and nobody else's."""
        folder = self.socket.parent.stat()
        self.assertEqual((stat.S_IMODE(folder.st_mode), folder.st_gid), (0o2750, grp.getgrnam("snipass").gr_gid))
        self.assertEqual(self.socket.stat().st_gid, folder.st_gid)
        for group, outcome in (("snipass", 0), ("nogroup", errno.EACCES)):
            code = f"import socket; exit(socket.socket(socket.AF_UNIX).connect_ex({str(self.socket)!r}))"
            done = subprocess.run([sys.executable, "-c", code], user="nobody", group=group, extra_groups=[], check=False)
            self.assertEqual(done.returncode, outcome, group)

    def make_certificate_theirs(self, folder="/etc/ssl/site"):
        """Where a user of their own may read it."""
        pathlib.Path(folder).mkdir(exist_ok=True)
        for source, name in ((self.certificate, "cert.pem"), (self.key, "key.pem")):
            shutil.copy(source, f"{folder}/{name}")
            pathlib.Path(folder, name).chmod(0o644)

    def write_node(self, name="app"):
        """A program whose certificate is renewed by certbot, which calls the script of docs/backends.md."""
        subprocess.run(["useradd", "--system", name], check=False, capture_output=True)
        renewed = pathlib.Path("/etc/letsencrypt/live/app.example.com")
        renewed.mkdir(parents=True, exist_ok=True)
        shutil.copy(self.certificate, renewed / "fullchain.pem")
        shutil.copy(self.key, renewed / "privkey.pem")
        (hook,) = blocks_of("docs/backends.md", "Certificates", "sh")
        script = "\n".join(hook).replace("-g app", f"-g {name}").replace("/etc/ssl/app", f"/etc/ssl/{name}")
        subprocess.run(["sh", "-c", script], env={**os.environ, "RENEWED_LINEAGE": str(renewed)}, check=True)
        self.assertEqual(stat.S_IMODE(pathlib.Path(f"/etc/ssl/{name}/key.pem").stat().st_mode), 0o640)
        pathlib.Path(f"/srv/{name}").mkdir(parents=True, exist_ok=True)
        pathlib.Path(f"/srv/{name}/server.js").write_text(NODE.replace("/etc/ssl/app", f"/etc/ssl/{name}"))

    def restore_nginx(self):
        """As before our drop-in, with port 443."""
        pathlib.Path("/etc/nginx/conf.d/site.conf").write_text(NGINX.format(certificate=self.certificate, key=self.key))
        shutil.rmtree(SYSTEM / "nginx.service.d", ignore_errors=True)
        systemctl("daemon-reload")
        systemctl("restart", "nginx.service")
