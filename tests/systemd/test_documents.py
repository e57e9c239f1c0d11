# SPDX-License-Identifier: BSL-1.0
"""What README.md and docs/ tell an admin to type, typed on a machine with a real systemd. Run by scripts/systemd-test, inside the machine
that it boots."""

import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from harness import wait_until  # noqa: E402
from machine import PYTHON, SYSTEM, TEXT, Machine, blocks_of, commands_of  # noqa: E402
from test_units import CONFIGURATION, show, systemctl  # noqa: E402


class Documents(Machine):
    def test_the_three_sites_of_the_readme(self):
        """Its commands as they stand, on a machine whose nginx has port 443; the site on another machine is a port of this one."""
        self.write_node()
        self.make_certificate_theirs()
        (SYSTEM / "app.service").unlink(missing_ok=True)
        self.restore_nginx()
        far = subprocess.Popen([sys.executable, "-c", PYTHON.replace('"127.0.0.1", 8443', '"127.0.0.9", 9443').replace("client: ", "far: ")])
        self.addCleanup(far.wait)
        self.addCleanup(far.kill)
        *steps, for_restarts = blocks_of("README.md", "Three sites")
        commands = [line for step in steps for line in step]
        edited = commands.index("snipass check")
        edit = f"sed -i s/192.0.2.10:443/127.0.0.9:9443/ {CONFIGURATION}"
        for typed in ([*commands[:edited], edit, *commands[edited:]], for_restarts):
            self.type(typed)
            for name in ("www.example.com", "app.example.com", "elsewhere.example.com"):
                own, answer = self.fetch(name)
                self.assertIn(f"client: {own}\n", answer)
            self.assertIn("far: 127.0.0.1:", self.fetch("old.example.com")[1])
        self.assertEqual(show("snipass.socket", "ActiveState"), "active")

    def test_moving_nginx_over_and_back(self):
        """docs/moving.md, with the router's own socket and with systemd's."""
        over, over_with_socket = blocks_of("docs/moving.md", "By handoff: the server gets each client's own socket")
        self.socket = pathlib.Path("/run/nginx-handoff/handoff.sock")
        for there, address in ((over, "[::]:443"), (over_with_socket, "systemd:https")):
            self.restore_nginx()
            CONFIGURATION.write_text(TEXT.format(address="[::]:8443", socket=self.socket))
            systemctl("start", "snipass.service")
            self.type(line for line in commands_of("docs/backends.md", "nginx") if line.startswith("cp "))
            systemctl("daemon-reload")
            CONFIGURATION.write_text(TEXT.format(address=address, socket=self.socket))
            self.type(there)
            self.fetch()
            self.check_door()
            self.assertEqual(show("snipass.service", "ActiveState"), "active")
            self.type(commands_of("docs/moving.md", "Back again"))
            self.fetch()
            wait_until(lambda: show("snipass.service", "ActiveState") == "inactive", "the router is gone")
            self.assertEqual(systemctl("is-enabled", "snipass.service", "snipass.socket", check=False).stdout.split(), ["disabled", "disabled"])

    def test_a_second_router_behind_the_first(self):
        """The files and the unit of docs/configuration.md."""
        self.restore_nginx()
        self.install("nginx")
        front, behind = ("\n".join(block) for block in blocks_of("docs/configuration.md", "Routers in a row", "toml"))
        CONFIGURATION.write_text(front)
        CONFIGURATION.with_name("inner.toml").write_text(behind.replace("/run/site-handoff/", "/run/nginx-handoff/"))
        (drop_in,) = blocks_of("docs/configuration.md", "Routers in a row", "ini")
        path = pathlib.Path(drop_in[0].removeprefix("# "))
        path.parent.mkdir(exist_ok=True)
        path.write_text("\n".join(drop_in))
        self.type(commands_of("docs/configuration.md", "Routers in a row"))
        systemctl("restart", "snipass.service")
        for verb in ("start", "restart", "reload"):
            systemctl(verb, "inner.service")
            own, answer = self.fetch()
            self.assertIn(f"client: {own}\n", answer)


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
