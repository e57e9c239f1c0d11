# SPDX-License-Identifier: BSL-1.0
"""The Debian packages, as an admin has them: installed, upgraded under load, removed, purged. Run by scripts/systemd-test --packages, inside
the machine that it boots."""

import grp
import os
import pathlib
import pwd
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "e2e"))

from harness import DEADLINE, Case, Receiver, client_hello, read_exactly, wait_until  # noqa: E402
from harness.load import Load  # noqa: E402

PACKAGES = {path.name.split("_")[0]: path for path in pathlib.Path(os.environ["SNIPASS_PACKAGES"]).glob("*.deb") if "-dbgsym_" not in path.name}
CONFIGURATION = pathlib.Path("/etc/snipass/snipass.toml")
BACKENDS = pathlib.Path("/run/backends")
UNITS = ("snipass.service", "snipass.socket", "snipass-tls.service", "snipass-ech.service")
HELLO = client_hello("www.example.com")

TEXT = """# mine
[[listener]]
address = "systemd:https"
[backend.site]
handoff = "unix:/run/backends/site.sock"
[default]
backend = "site"
"""


def run(*words, check=True, **options):
    done = subprocess.run([str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=4 * DEADLINE, check=False, **options)
    if check and done.returncode != 0:
        raise AssertionError(f"{words}: status {done.returncode}: {done.stdout}")
    return done.stdout


def dpkg(*words):
    """As apt calls it where nobody is asked; what other packages do then (the index of manual pages) takes its time, and is nothing of ours."""
    return run("dpkg", "--no-triggers", "--force-confdef", "--force-confold", *words, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})


def state(unit):
    enabled = run("systemctl", "is-enabled", unit, check=False).strip()
    return enabled, run("systemctl", "is-active", unit, check=False).strip()


def show(unit, key):
    return run("systemctl", "show", "--value", "--property", key, unit).strip()


def status_of(package):
    return run("dpkg-query", "-W", "-f", "${db:Status-Status}", package, check=False)


class Installed(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory(dir="/root")))
        cls.newer = {name: cls.make_newer(path, folder) for name, path in PACKAGES.items()}

    @staticmethod
    def make_newer(path, folder):
        """The next version, which ships another configuration."""
        name = path.name.split("_")[0]
        tree, made = folder / name, folder / f"{name}_newer.deb"
        run("dpkg-deb", "-R", path, tree)
        control = tree / "DEBIAN/control"
        version = re.search(r"(?m)^Version: (.*)$", control.read_text()).group(1)
        control.write_text(control.read_text().replace(version, f"{version}+newer"))  # and where one needs the other in this version
        if name == "snipass":
            with open(tree / "etc/snipass/snipass.toml", "a", encoding="utf-8") as file:
                file.write("# newer\n")
        run("dpkg-deb", "--root-owner-group", "-Znone", "-b", tree, made)
        return made

    def setUp(self):
        super().setUp()
        self.addCleanup(self.reset)
        dpkg("-i", *PACKAGES.values())

    def reset(self):
        if self._outcome.result.failures or self._outcome.result.errors:
            print(run("journalctl", "--no-pager", "--lines=40", "--grep=^(?!session)", check=False))
        run("systemctl", "disable", "--now", *UNITS, check=False)
        run("systemctl", "reset-failed", check=False)
        dpkg("--purge", *(name for name in PACKAGES if status_of(name)))
        shutil.rmtree("/etc/snipass", ignore_errors=True)

    def serve(self):
        """A site whose port systemd holds."""
        BACKENDS.mkdir(mode=0o750, exist_ok=True)
        group = grp.getgrnam("snipass").gr_gid
        os.chown(BACKENDS, 0, group)
        receiver = Receiver(BACKENDS / "site.sock", "site", self.certificate, self.key, serve="raw")
        self.addCleanup(receiver.stop)
        os.chown(receiver.path, 0, group)
        os.chmod(receiver.path, 0o660)
        CONFIGURATION.write_text(TEXT)
        run("systemctl", "enable", "--now", "snipass.socket")
        run("systemctl", "enable", "--now", "snipass.service")

    def visit(self):
        client = socket.create_connection(("127.0.0.1", 443), DEADLINE)
        client.sendall(HELLO)
        self.assertEqual(read_exactly(client, len(HELLO)), HELLO)
        return client

    def test_what_is_installed_serves_nobody_and_nothing_is_started(self):
        for unit in UNITS:
            self.assertEqual(state(unit), ("disabled", "inactive"), unit)
        self.assertEqual({pwd.getpwnam(name).pw_shell for name in ("snipass", "snipass-tls", "snipass-ech")}, {"/usr/sbin/nologin"})
        self.assertIn("no [[listener]]; write one", run("snipass", "check", check=False))
        self.assertIn(str(CONFIGURATION), run("dpkg-query", "-W", "-f", "${Conffiles}", "snipass"))
        self.assertEqual(run("dpkg", "--verify", *PACKAGES), "")

    def test_an_upgrade_under_load_loses_nobody_and_keeps_the_configuration(self):
        self.serve()
        before = self.visit()
        self.addCleanup(before.close)
        pid, socket_since = show("snipass.service", "MainPID"), show("snipass.socket", "ActiveEnterTimestampMonotonic")
        with Load(lambda: self.visit().close(), threads=4) as load:
            dpkg("-i", *self.newer.values())
            load.wait_for_more(50)
        print(f"an upgrade: {load.served} clients served, {len(load.failures)} lost")
        self.assertEqual(load.failures, [])
        self.assertNotEqual(show("snipass.service", "MainPID"), pid)
        self.assertEqual(show("snipass.socket", "ActiveEnterTimestampMonotonic"), socket_since)
        self.assertEqual([state(unit) for unit in UNITS], [("enabled", "active"), ("enabled", "active"), ("disabled", "inactive")])
        self.assertEqual(CONFIGURATION.read_text(), TEXT)
        self.assertIn("# newer", pathlib.Path(f"{CONFIGURATION}.dpkg-dist").read_text())
        before.sendall(b"still here")
        self.assertEqual(read_exactly(before, 10), b"still here")

    def relayed(self):
        """A client of a router with a proxied backend: its end, and the backend's."""
        far = socket.create_server(("127.0.0.1", 0))
        far.settimeout(DEADLINE)
        self.addCleanup(far.close)
        CONFIGURATION.write_text(TEXT + f'[backend.far]\nproxy = ["127.0.0.1:{far.getsockname()[1]}"]\n'
                                 '[[route]]\nnames = ["far.example.com"]\nbackend = "far"\n')
        run("systemctl", "reload", "snipass.service")
        client = socket.create_connection(("127.0.0.1", 443), DEADLINE)
        self.addCleanup(client.close)
        hello = client_hello("far.example.com")
        client.sendall(hello)
        backend, _ = far.accept()
        backend.settimeout(DEADLINE)
        self.addCleanup(backend.close)
        self.assertEqual(read_exactly(backend, len(hello)), hello)
        return client, backend

    def goes_on(self, client, backend):
        client.sendall(b"to the backend")
        self.assertEqual(read_exactly(backend, 14), b"to the backend")
        backend.sendall(b"to the client")
        self.assertEqual(read_exactly(client, 13), b"to the client")

    def asked(self):
        """How often the router was asked to leave its clients to the next."""
        return run("journalctl", "--no-pager", "--unit=snipass.service", "--grep=command=upgrade", check=False).count("command=upgrade")

    def test_an_upgrade_leaves_relayed_clients_to_the_program_that_is_installed_now(self):
        self.serve()
        client, backend = self.relayed()
        pid, asked = show("snipass.service", "MainPID"), self.asked()
        dpkg("-i", *self.newer.values())
        self.assertNotIn(show("snipass.service", "MainPID"), ("0", pid))
        self.assertEqual(self.asked(), asked + 1)
        self.goes_on(client, backend)
        # Without a way to ask it the upgrade is a restart, which cuts nobody either.
        text = CONFIGURATION.read_text()
        CONFIGURATION.write_text(text + '[control]\npath = "none"\n')
        run("systemctl", "restart", "snipass.service")
        self.goes_on(client, backend)
        pid = show("snipass.service", "MainPID")
        dpkg("-i", *PACKAGES.values())
        self.assertNotIn(show("snipass.service", "MainPID"), ("0", pid))
        self.goes_on(client, backend)

    def test_an_upgrade_with_a_mistake_in_the_file_lets_what_runs_go_on(self):
        self.serve()
        client, backend = self.relayed()
        pid, text = show("snipass.service", "MainPID"), CONFIGURATION.read_text()
        CONFIGURATION.write_text(text + "nonsense = 1\n")
        said = dpkg("-i", *self.newer.values())
        self.assertIn("nonsense", said)
        self.assertIn("the router that runs goes on", said)
        self.assertEqual(show("snipass.service", "MainPID"), pid)
        self.goes_on(client, backend)
        self.visit().close()
        CONFIGURATION.write_text(text)
        run("snipass", "upgrade")
        self.assertNotIn(show("snipass.service", "MainPID"), ("0", pid))
        self.goes_on(client, backend)

    def test_an_upgrade_of_what_does_not_run_starts_nothing_and_brings_the_new_configuration(self):
        dpkg("-i", *self.newer.values())
        for unit in UNITS:
            self.assertEqual(state(unit), ("disabled", "inactive"), unit)
        self.assertTrue(CONFIGURATION.read_text().endswith("# newer\n"))

    def test_removing_stops_it_and_keeps_what_an_admin_wrote(self):
        self.serve()
        self.visit().close()
        dpkg("--remove", "snipass")
        for unit in UNITS:
            self.assertEqual(state(unit)[1], "inactive", unit)
        self.assertRaises(ConnectionRefusedError, socket.create_connection, ("127.0.0.1", 443), DEADLINE)
        self.assertEqual(CONFIGURATION.read_text(), TEXT)
        self.assertFalse(pathlib.Path("/usr/sbin/snipass").exists())
        dpkg("-i", PACKAGES["snipass"])
        self.assertEqual(CONFIGURATION.read_text(), TEXT)
        # What was enabled is so again, and the socket comes first.
        self.assertEqual([state(unit) for unit in UNITS], [("enabled", "active"), ("enabled", "active"), ("disabled", "inactive")])
        self.assertEqual(show("snipass.service", "NRestarts"), "0")
        self.visit().close()

    def test_purging_takes_the_configuration_and_leaves_keys(self):
        keys = CONFIGURATION.with_name("live")
        keys.mkdir()
        dpkg("--purge", "snipass")
        self.assertEqual(list(CONFIGURATION.parent.iterdir()), [keys])
        keys.rmdir()
        dpkg("-i", PACKAGES["snipass"])
        dpkg("--purge", *PACKAGES)
        left = run("sh", "-c", "find / -xdev '(' -path /proc -o -path /sys -o -path /run -o -path /tmp -o -path /root -o -path /work -o -path /home -o -path /var/log ')' -prune -o -iname '*snipass*' -print")
        self.assertEqual([path for path in left.split() if not path.startswith(("/var/cache", "/var/lib/systemd", str(self.class_folder)))], [])

    def test_a_server_under_snipass_run_serves_and_outlives_its_upgrade(self):
        self.serve()
        door = "/run/backends/plain.sock"
        CONFIGURATION.write_text(TEXT.replace("site.sock", "plain.sock"))
        run("systemctl", "reload", "snipass.service")
        server = subprocess.Popen(["snipass-run", door, "--listen", "127.0.0.1:8080", "--", sys.executable, "-c",
                                   "import socketserver\n"
                                   "class Echo(socketserver.BaseRequestHandler):\n"
                                   "    def handle(self):\n"
                                   "        while more := self.request.recv(4096):\n"
                                   "            self.request.sendall(more)\n"
                                   "socketserver.ThreadingTCPServer(('127.0.0.1', 8080), Echo).serve_forever()"])
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        wait_until(lambda: os.path.exists(door), "it listens")
        os.chown(door, 0, grp.getgrnam("snipass").gr_gid)
        os.chmod(door, 0o660)
        self.assertIn("takes clients at", run("snipass-run", "--check", door, "--listen", "127.0.0.1:8080"))
        self.visit().close()
        dpkg("-i", self.newer["snipass-run"])
        self.visit().close()

    def test_the_library_is_found_by_those_who_build_with_it(self):
        run(sys.executable, "-c", "import ctypes; ctypes.CDLL('libsnipass.so.0').snipass_listen")
        self.assertTrue(pathlib.Path("/usr/include/snipass/snipass.h").exists())


if __name__ == "__main__":
    print(", ".join(sorted(path.name for path in PACKAGES.values())))
    unittest.main(verbosity=2, warnings="ignore")
