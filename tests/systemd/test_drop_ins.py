# SPDX-License-Identifier: BSL-1.0
"""Debian's units of nginx, Apache, HAProxy and lighttpd with our drop-ins, and our units, behind snipass.service, under a real systemd.
Run by scripts/systemd-test, inside the machine that it boots."""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from harness import DEADLINE, wait_until  # noqa: E402
from machine import EXAMPLES, NGINX, PYTHON, SYSTEM, Machine  # noqa: E402
from test_units import show, systemctl  # noqa: E402

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

HAPROXY = """
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend site
    bind :443,[::]:443 v6only ssl crt {both}
    http-request return status 200 content-type text/plain lf-string "client: %[src]:%[src_port]\\n"
"""

LIGHTTPD = """
server.modules = ("mod_openssl", "mod_ssi")
server.document-root = "/var/www/html"
server.username = "www-data"
server.groupname = "www-data"
server.port = 443
$SERVER["socket"] == "[::]:443" {{ ssl.engine = "enable" }}
ssl.engine = "enable"
ssl.pemfile = "{certificate}"
ssl.privkey = "{key}"
index-file.names = ("index.shtml")
mimetype.assign = (".shtml" => "text/html")
ssi.extension = (".shtml")
"""


class DropIns(Machine):
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

    def check_reloads_and_restarts(self, unit):
        """Of a server whose stop ends its clients, as it does on TCP; a reload does not."""
        self.check_door()
        self.under_load(unit, "reload", "reload")
        self.under_load(unit, "restart", "restart", dies_with_its_clients=True)
        self.check_door()

    def test_haproxy(self):
        both = pathlib.Path("/etc/ssl/private/both.pem")
        both.write_text(pathlib.Path(self.certificate).read_text() + pathlib.Path(self.key).read_text())
        pathlib.Path("/etc/haproxy/haproxy.cfg").write_text(HAPROXY.format(both=both))
        self.install("haproxy")
        own, answer = self.fetch()
        self.assertIn(f"client: {own}\n", answer)
        self.check_reloads_and_restarts("haproxy")

    def test_lighttpd(self):
        own_files = []
        for source in (self.certificate, self.key):  # at a reload it reads them again, as www-data
            copy = pathlib.Path("/etc/lighttpd") / pathlib.Path(source).name
            shutil.copy(source, copy)
            shutil.chown(copy, "www-data")
            copy.chmod(0o400)
            own_files.append(copy)
        pathlib.Path("/etc/lighttpd/lighttpd.conf").write_text(LIGHTTPD.format(certificate=own_files[0], key=own_files[1]))
        pathlib.Path("/var/www/html/index.shtml").write_text('client: <!--#echo var="REMOTE_ADDR" -->:<!--#echo var="REMOTE_PORT" -->\n')
        self.install("lighttpd")
        own, answer = self.fetch()
        self.assertIn(f"client: {own}\n", answer)
        self.check_reloads_and_restarts("lighttpd")

    def check_unit(self, unit, **how):
        """It serves, and goes on doing so over restarts; it starts only where clients come by the router."""
        self.install(unit)
        own, answer = self.fetch()
        self.assertIn(f"client: {own}", answer)
        self.check_door()
        self.under_load(unit, "restart", "restart", **how)
        status = pathlib.Path(f"/proc/{show(f'{unit}.service', 'MainPID')}/status").read_text()
        self.assertNotIn("Uid:\t0", status)

    def test_node(self):
        self.write_node()
        self.check_unit("app", dies_with_its_clients=True)

    def test_a_program_that_has_a_unit(self):
        """Its unit stays as it is."""
        self.write_node("shop")
        unit = SYSTEM / "shop.service"
        unit.write_text("[Service]\nUser=shop\nExecStart=/usr/bin/node /srv/shop/server.js\n")
        systemctl("daemon-reload")
        systemctl("start", "shop.service")
        self.check_unit("shop", dies_with_its_clients=True)

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
