# SPDX-License-Identifier: BSL-1.0
"""Debian's nginx.service and apache2.service with our drop-ins, and our units, behind snipass.service, under a real systemd. Run by
scripts/systemd-test, inside the machine that it boots."""

import contextlib
import errno
import grp
import os
import pathlib
import pwd
import re
import shutil
import signal
import stat
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from harness import DEADLINE, Case, python_tls, wait_until  # noqa: E402
from test_units import CONFIGURATION, show, systemctl  # noqa: E402

DOCUMENTS = pathlib.Path("/usr/share/doc/snipass")
EXAMPLES = DOCUMENTS / "examples/systemd"
SYSTEM = pathlib.Path("/etc/systemd/system")

HEADINGS = {"nginx": "nginx", "apache2": "Apache", "app": "Node", "blog": "Python", "api": "Go"}  # of docs/backends.md

TEXT = """
[log]
format = "json"
[[listener]]
address = "[::]:443"
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

APACHE = """
LoadModule ssl_module /usr/lib/apache2/modules/mod_ssl.so
Listen 443
<VirtualHost *:443>
    SSLEngine on
    SSLCertificateFile {certificate}
    SSLCertificateKeyFile {key}
    DocumentRoot /var/www/html
    Header always set X-Client "%{{REMOTE_ADDR}}s"
</VirtualHost>
"""

NODE = """
const fs = require('fs');
require('https').createServer({cert: fs.readFileSync('/etc/ssl/site/cert.pem'), key: fs.readFileSync('/etc/ssl/site/key.pem')},
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


def commands_of(document, heading):
    """The lines of that section that an admin types. Users that are there from another test are not added again."""
    section = (DOCUMENTS / document).read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    blocks = re.findall(r"^ *```(.*?)\n(.*?)^ *```$", section, re.DOTALL | re.MULTILINE)
    lines = [line.strip() for language, block in blocks if not language for line in block.splitlines()]
    users = {f"useradd --system {user.pw_name}" for user in pwd.getpwall()}
    return [line for line in lines if line not in users and not line.startswith("editor ")]


class DropIns(Case):
    def setUp(self):
        super().setUp()
        self.addCleanup(self.reset)
        # apache2.service has a /tmp of its own.
        for name in ("certificate", "key"):
            setattr(self, name, shutil.copy(getattr(self, name), f"/etc/ssl/private/{name}.pem"))

    def reset(self):
        if self._outcome.result.failures or self._outcome.result.errors:
            print(subprocess.run(["journalctl", "--no-pager", "--lines=60"], capture_output=True, text=True, check=False).stdout)
        systemctl("stop", "snipass.service", "nginx.service", "apache2.service", "app.service", "blog.service", "api.service", check=False)
        systemctl("reset-failed", check=False)

    def install(self, unit):
        """What docs/backends.md says, and that is what the comment at the top of the drop-in, or the unit, says."""
        source, what = EXAMPLES / f"{unit}.service.d", "/snipass.conf"
        if not source.exists():
            source, what = EXAMPLES / f"{unit}.service", ""
        self.assertIn(f"# {SYSTEM / source.name}{what}\n", pathlib.Path(f"{source}{what}").read_text())
        self.socket = pathlib.Path(f"/run/{unit}-handoff/handoff.sock")
        CONFIGURATION.write_text(TEXT.format(socket=self.socket))
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

    def under_load(self, unit, *verbs, dies_with_its_clients=False):
        """systemctl with each of the verbs while clients come: nobody is lost, but whom a server without an orderly end had accepted."""
        done, failures, served = threading.Event(), [], [0] * 4

        def load(number):
            while not done.is_set():
                try:
                    self.fetch()
                    served[number] += 1
                except (OSError, AssertionError) as error:
                    failures.append(repr(error))

        threads = [threading.Thread(target=load, args=(number,)) for number in range(len(served))]
        for thread in threads:
            thread.start()
        try:
            for verb in verbs:
                before = sum(served)
                systemctl(verb, f"{unit}.service")
                wait_until(lambda n=before: sum(served) > n + 30 or (failures and not dies_with_its_clients), f"clients are served after {verb}")
        finally:
            done.set()
            for thread in threads:
                thread.join(DEADLINE)
        print(f"{unit}: {', '.join(verbs)}: {sum(served)} clients served, {len(failures)} lost")
        self.assertLessEqual(len(failures), len(served) * len(verbs) if dies_with_its_clients else 0, failures)

    def check_door(self):
        """The folder is the router's group's to enter, and nobody else's."""
        folder = self.socket.parent.stat()
        self.assertEqual((stat.S_IMODE(folder.st_mode), folder.st_gid), (0o2750, grp.getgrnam("snipass").gr_gid))
        self.assertEqual(self.socket.stat().st_gid, folder.st_gid)
        for group, outcome in (("snipass", 0), ("nogroup", errno.EACCES)):
            code = f"import socket; exit(socket.socket(socket.AF_UNIX).connect_ex({str(self.socket)!r}))"
            done = subprocess.run([sys.executable, "-c", code], user="nobody", group=group, extra_groups=[], check=False)
            self.assertEqual(done.returncode, outcome, group)

    def check_life(self, unit):
        self.check_door()
        self.under_load(unit, "reload", "restart", "reload", "restart")
        # Killed outright, it is started again on the socket's file that it left behind.
        processes = pathlib.Path(f"/sys/fs/cgroup/system.slice/{unit}.service/cgroup.procs").read_text().split()
        for pid in map(int, processes):
            with contextlib.suppress(ProcessLookupError):
                if pid != 0:  # of one that is dying; systemctl gives up over it
                    os.kill(pid, signal.SIGKILL)
        wait_until(lambda: show(f"{unit}.service", "ActiveState") not in ("active", "deactivating"), "it is dead")
        systemctl("restart", f"{unit}.service")
        self.fetch()
        self.check_door()

    def test_nginx(self):
        pathlib.Path("/etc/nginx/conf.d/site.conf").write_text(NGINX.format(certificate=self.certificate, key=self.key))
        self.install("nginx")
        own, answer = self.fetch()
        self.assertIn(f"client: {own}\n", answer)
        self.check_life("nginx")

    def test_apache(self):
        pathlib.Path("/etc/apache2/mods-enabled/headers.load").write_text("LoadModule headers_module /usr/lib/apache2/modules/mod_headers.so\n")
        pathlib.Path("/etc/apache2/sites-enabled/site.conf").write_text(APACHE.format(certificate=self.certificate, key=self.key))
        self.install("apache2")
        self.assertIn("X-Client: 127.0.0.1\r\n", self.fetch()[1])
        self.check_life("apache2")

    def check_unit(self, unit, **how):
        """It serves, and goes on doing so over restarts; it starts only where clients come by the router."""
        self.install(unit)
        own, answer = self.fetch()
        self.assertIn(f"client: {own}", answer)
        self.check_door()
        self.under_load(unit, "restart", "restart", **how)
        status = pathlib.Path(f"/proc/{show(f'{unit}.service', 'MainPID')}/status").read_text()
        self.assertNotIn("Uid:\t0", status)

    def make_certificate_theirs(self, folder="/etc/ssl/site"):
        """Where a user of their own may read it."""
        pathlib.Path(folder).mkdir(exist_ok=True)
        for source, name in ((self.certificate, "cert.pem"), (self.key, "key.pem")):
            shutil.copy(source, f"{folder}/{name}")
            pathlib.Path(folder, name).chmod(0o644)

    def write_node(self):
        self.make_certificate_theirs()
        pathlib.Path("/srv/app").mkdir(parents=True, exist_ok=True)
        pathlib.Path("/srv/app/server.js").write_text(NODE)

    def test_node(self):
        self.write_node()
        self.check_unit("app", dies_with_its_clients=True)

    def test_the_three_sites_of_the_readme(self):
        """Its commands as they stand, on a machine whose nginx has port 443; the site on another machine is a port of this one."""
        self.write_node()
        pathlib.Path("/etc/nginx/conf.d/site.conf").write_text(NGINX.format(certificate=self.certificate, key=self.key))
        shutil.rmtree(SYSTEM / "nginx.service.d", ignore_errors=True)
        (SYSTEM / "app.service").unlink(missing_ok=True)
        systemctl("daemon-reload")
        systemctl("start", "nginx.service")
        far = subprocess.Popen([sys.executable, "-c", PYTHON.replace('"127.0.0.1", 8443', '"127.0.0.9", 9443').replace("client: ", "far: ")])
        self.addCleanup(far.wait)
        self.addCleanup(far.kill)
        commands = commands_of("README.md", "Three sites")
        edited = commands.index("snipass check")
        self.type([*commands[:edited], f"sed -i s/192.0.2.10:443/127.0.0.9:9443/ {CONFIGURATION}", *commands[edited:]])
        for name in ("www.example.com", "app.example.com"):
            own, answer = self.fetch(name)
            self.assertIn(f"client: {own}\n", answer)
        self.assertIn("far: 127.0.0.1:", self.fetch("old.example.com")[1])

    def test_python(self):
        self.make_certificate_theirs()
        pathlib.Path("/srv/blog").mkdir(parents=True, exist_ok=True)
        pathlib.Path("/srv/blog/server.py").write_text(PYTHON)
        self.check_unit("blog", dies_with_its_clients=True)

    def test_go(self):
        self.make_certificate_theirs("/etc/ssl/api")
        environment = {**os.environ, "HOME": "/tmp", "GO111MODULE": "off", "PATH": f"{os.environ['PATH']}:/usr/local/go/bin"}
        subprocess.run(["go", "build", "-o", "/usr/local/bin/api", EXAMPLES.parent / "receivers" / "receiver.go"], check=True, env=environment)
        self.check_unit("api")

    def test_a_program_that_listens_past_the_router_does_not_start(self):
        """On another port than the unit says."""
        self.make_certificate_theirs()
        pathlib.Path("/srv/blog").mkdir(parents=True, exist_ok=True)
        pathlib.Path("/srv/blog/server.py").write_text(PYTHON.replace("8443", "8444"))
        with self.assertRaises(AssertionError):
            self.install("blog")
        journal = subprocess.run(["journalctl", "--no-pager", "--unit=blog.service"], capture_output=True, text=True, check=True).stdout
        self.assertIn("nobody listens at /run/blog-handoff/handoff.sock", journal)


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
