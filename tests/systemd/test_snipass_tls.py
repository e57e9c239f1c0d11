# SPDX-License-Identifier: BSL-1.0
"""snipass-tls as docs/tls.md sets it up, under a real systemd. Run by scripts/systemd-test, inside the machine that it boots."""

import os
import pathlib
import pwd
import re
import shutil
import ssl
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from harness import Case, curl, python_tls, read_all, wait_until  # noqa: E402
from harness.tls_end import make_certificate  # noqa: E402

PAGE = pathlib.Path("/usr/share/doc/snipass/docs/tls.md")
CONFIGURATION = pathlib.Path("/etc/snipass/snipass.toml")
LINEAGE = pathlib.Path("/etc/letsencrypt/live/shop.example.com")
HOOK = pathlib.Path("/etc/letsencrypt/renewal-hooks/deploy/snipass-tls")
FOLDER = pathlib.Path("/run/plain-handoff")
TICKETS = pathlib.Path("/run/snipass-tls/handoff.sock.tickets")
NAME = "shop.example.com"


def run(*words, **options):
    result = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False, **options)
    if result.returncode != 0:
        unit = subprocess.run(["journalctl", "--no-pager", "--lines=30", "--unit=snipass-tls.service"], capture_output=True, text=True, check=False)
        raise AssertionError(f"{words}: {result.stdout}{result.stderr}\n{unit.stdout}")
    return result.stdout


class SnipassTls(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        run("systemd-sysusers")
        blocks = re.findall(r"```(\w*)\n(.*?)```", PAGE.read_text(), re.DOTALL)
        cls.text = next(text for kind, text in blocks if kind == "toml")
        cls.hook = next(text for _, text in blocks if text.startswith("#!/bin/sh"))
        cls.commands = next(text for _, text in blocks if "systemctl reload snipass" in text).splitlines()

    def setUp(self):
        super().setUp()
        self.addCleanup(self.reset)
        make_certificate(LINEAGE, NAME)
        LINEAGE.parent.chmod(0o700)  # as certbot keeps them
        HOOK.parent.mkdir(parents=True, exist_ok=True)
        HOOK.write_text(self.hook)
        HOOK.chmod(0o755)
        self.renew()
        page = pathlib.Path("/srv/plain")
        page.mkdir(parents=True, exist_ok=True)
        (page / "index.html").write_text("hello in clear\n")
        # A router that runs, and has heard of no backend and no name so far, as the page finds it.
        CONFIGURATION.write_text('[[listener]]\naddress = "[::]:443"\n')
        run("systemctl", "start", "snipass")
        CONFIGURATION.write_text(self.text)
        self.assertNotIn("warning", run("snipass", "check", "--config", str(CONFIGURATION)))
        users = {f"useradd --system {user.pw_name}" for user in pwd.getpwall()}  # there from another test
        for line in self.commands:
            run("sh", "-c", line if line not in users else "true")
        self.assertIn("Serving ", run("systemctl", "show", "--value", "--property", "StatusText", "snipass"))

    def reset(self):
        subprocess.run(["systemctl", "disable", "--now", "snipass-tls", "snipass", "plain"], capture_output=True, check=False)
        subprocess.run(["systemctl", "reset-failed"], capture_output=True, check=False)
        for folder in ("/etc/letsencrypt", "/etc/snipass/live", FOLDER):
            shutil.rmtree(folder, ignore_errors=True)

    def renew(self):
        run(HOOK, env={**os.environ, "RENEWED_LINEAGE": str(LINEAGE)})

    def end_of_certificate(self):
        end = run("openssl", "x509", "-noout", "-enddate", "-dateopt", "iso_8601", "-in", LINEAGE / "fullchain.pem")
        return end.strip().removeprefix("notAfter=").replace(" ", "T").replace("Z", ".000Z")

    def fetch(self):
        return curl(443, NAME, LINEAGE / "fullchain.pem").output

    def test_the_page_is_all_that_it_takes(self):
        self.assertEqual(self.fetch(), "hello in clear\n")
        pid = run("systemctl", "show", "--value", "--property", "MainPID", "snipass-tls").strip()
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        self.assertRegex(status, r"CapEff:\t0+\n")
        self.assertRegex(status, r"Seccomp:\t2\n")
        self.assertNotIn("Uid:\t0", status)
        before = python_tls(443, NAME, LINEAGE / "fullchain.pem")
        old = before.getpeercert(True)
        before.close()
        make_certificate(LINEAGE, NAME)
        self.renew()

        def is_new():
            try:
                with python_tls(443, NAME, LINEAGE / "fullchain.pem") as client:
                    return client.getpeercert(True) != old
            except ssl.SSLError:  # the old one, which this client does not trust any more
                return False
        wait_until(is_new, "the hook has given it the new certificate")
        self.assertRegex(run("snipass", "status"), rf"(?m)^{self.end_of_certificate()} +\S+ \S+ +{NAME} +\S+/fullchain\.pem$")  # the router asks it

    def test_a_restart_loses_nobody_and_keeps_the_keys_of_tickets(self):
        self.fetch()
        before = TICKETS.read_bytes()
        self.assertEqual(TICKETS.stat().st_mode & 0o777, 0o600)
        over, answers = threading.Event(), []

        def come():
            while not over.is_set():
                answers.append(self.fetch())
        visitors = [threading.Thread(target=come) for _ in range(3)]
        for one in visitors:
            one.start()
        for _ in range(2):
            run("systemctl", "restart", "snipass-tls")
        count = len(answers)
        wait_until(lambda: len(answers) > count + 3, "clients are served again")
        over.set()
        for one in visitors:
            one.join()
        self.assertEqual(set(answers), {"hello in clear\n"})
        self.assertEqual(TICKETS.read_bytes(), before)

    def test_a_restart_does_not_wait_for_who_is_relayed(self):
        with python_tls(443, NAME, LINEAGE / "fullchain.pem") as client:
            client.sendall(b"GET / HTTP/1.1\r\n")  # and the rest of it behind the restart
            run("systemctl", "restart", "snipass-tls")
            self.assertEqual(self.fetch(), "hello in clear\n")
            self.assertIn(self.end_of_certificate(), run("snipass", "status"))  # of the one that serves now
            client.sendall(b"Host: plain\r\nConnection: close\r\n\r\n")
            self.assertIn(b"hello in clear", read_all(client)[0])


if __name__ == "__main__":
    unittest.main(verbosity=2)
