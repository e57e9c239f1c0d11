#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Certificates and their ends, as the router tells of them: it holds none, and asks snipass-tls."""

import re
import shutil
import signal
import subprocess
import unittest

from harness import DEADLINE, Case, main, python_tls, wait_until
from harness.case import HEAD
from harness.metrics import ask, scrape, status_of
from harness.places import SNIPASS
from harness.tls_end import TlsSite, make_certificate
from test_status_page import chromium

END = "snipass_tls_certificate_not_after_timestamp_seconds"


class Certificates(TlsSite, Case):
    def setUp(self):
        super().setUp()
        for name, days in (("old", 1), ("soon", 10), ("late", 90)):
            make_certificate(self.live / name, f"{name}.w.example", f"www.{name}.w.example", days=days)
        shutil.rmtree(self.live / "a")
        shutil.rmtree(self.live / "b")
        self.metrics = self.folder / "m.sock"

    def start(self, metrics=None):
        head = HEAD + f'[metrics]\naddress = "{metrics or f"unix:{self.metrics}"}"\n[control]\npath = "{self.folder}/control.sock"\n'
        self.file = self.text(self.of_socket(), head=head)
        self.tls = self.tls_end(self.file)
        return self.router(head=self.file)

    def told(self):
        return status_of(self.metrics)["tls"]

    def test_the_router_tells_when_each_ends(self):
        router = self.start()
        now = self.told()
        self.assertTrue(now["answers"] and now["last_reload_good"], now)
        self.assertEqual(now["certificate_count"], 3)
        self.assertEqual([(one["file"], one["name"], one["names"], one["validity"]) for one in now["certificates"]],
                         [(f"{self.live}/{name}/fullchain.pem", f"{name}.w.example", 2, how)
                          for name, how in (("old", "bad"), ("soon", "ends_soon"), ("late", "good"))])
        samples = scrape(self.metrics)
        self.assertEqual(samples.value("snipass_tls_up"), 1)
        self.assertEqual(samples.value("snipass_tls_certificates"), 3)
        for one in now["certificates"]:
            said = subprocess.run(["openssl", "x509", "-enddate", "-noout", "-dateopt", "iso_8601", "-in", one["file"]], capture_output=True, text=True, check=True).stdout
            self.assertEqual(said.strip(), "notAfter=" + one["ends"].replace("T", " ").replace(".000Z", "Z"))
            end = subprocess.run(["date", "-d", one["ends"], "+%s"], capture_output=True, text=True, check=True).stdout
            self.assertEqual(samples.value(END, file=one["file"], name=one["name"]), int(end))
        text = subprocess.run([SNIPASS, "status", "--config", router.file], capture_output=True, text=True, timeout=DEADLINE, check=True).stdout
        self.assertRegex(text, r"(?m)^CERTIFICATE ENDS +IN +NAME +FILE$")
        self.assertRegex(text, rf"(?m)^\S+Z +\d+h \d+m +old\.w\.example \+1 +{re.escape(str(self.live))}/old/fullchain\.pem$")

    def test_what_snipass_tls_reads_again_is_told(self):
        self.start()
        make_certificate(self.live / "old", "new.w.example", days=90)
        self.tls.reload()
        self.assertNotIn("bad", [one["validity"] for one in self.told()["certificates"]])
        (self.live / "late/privkey.pem").write_text("no key\n")
        self.tls.reload()
        now = self.told()
        self.assertFalse(now["last_reload_good"])
        self.assertIn("late/privkey.pem", now["why"])
        self.assertEqual(now["certificate_count"], 3)  # those before go on
        self.assertEqual(scrape(self.metrics).value("snipass_tls_config_last_reload_successful"), 0)

    def test_without_snipass_tls_that_is_what_is_told(self):
        router = self.start()
        self.assertTrue(self.told()["answers"])
        self.tls.terminate()
        self.assertEqual(self.told(), {"answers": False})
        samples = scrape(self.metrics)
        self.assertEqual((samples.value("snipass_tls_up"), samples.total(END)), (0, 0))
        text = subprocess.run([SNIPASS, "status", "--config", router.file], capture_output=True, text=True, timeout=DEADLINE, check=True).stdout
        self.assertIn("snipass-tls does not answer, so its certificates are not known.", text)
        self.tls = self.tls_end(self.file)
        self.assertTrue(self.told()["answers"])

    def test_a_successor_is_asked_while_the_one_before_serves_on(self):
        self.receiver("b", serve="raw")
        router = self.start()
        with python_tls(router.port(), "late.w.example", self.live / "late/fullchain.pem") as client:
            client.sendall(b"echo")
            self.assertEqual(client.recv(4), b"echo")
            first, path = self.tls, self.folder / "tls.sock.status"
            first.signal(signal.SIGTERM)
            wait_until(lambda: not path.exists(), "it takes nobody new, and says nothing any more")
            self.assertEqual(self.told(), {"answers": False})
            make_certificate(self.live / "old", "new.w.example", days=90)
            self.tls_end(self.file)
            self.assertNotIn("bad", [one["validity"] for one in self.told()["certificates"]])
            client.sendall(b"echo")
            self.assertEqual(client.recv(4), b"echo")
        self.assertEqual(first.wait(), 0)
        self.assertTrue(path.exists())  # the other one's

    def test_no_key_is_told_and_nothing_else_than_what_is_there_for_it(self):
        self.start()
        path = f"{self.folder}/tls.sock.status"
        self.assertEqual(ask(path, "/readyz")[::2], (200, "ok\n"))
        for page in ("/certificates", "/metrics", "/status.json", "/"):
            status, _, text = ask(path, page)
            self.assertEqual(status, 200)
            self.assertNotIn("PRIVATE", text)
            self.assertNotIn("privkey", text)
        self.assertEqual(ask(self.metrics, "/certificates")[0], 404)  # the router's own has none
        self.assertEqual(ask(path, "/reload", method="POST")[0], 405)

    @unittest.skipUnless(shutil.which("chromium"), "no chromium here")
    def test_a_browser_draws_them_in_their_colours(self):
        router = self.start("127.0.0.1:0")
        address = router.wait_for(lambda me: [e["at"] for e in me.events if e.get("message") == "metrics"], "where it is")[0]
        drawn, messages = chromium(f"http://{address}/", "--virtual-time-budget=5000", "--dump-dom")
        self.assertNotIn("CONSOLE", messages)
        self.assertIn('<section id="tls">', drawn)
        for name, kind in (("old", "bad"), ("soon", "odd"), ("late", "good")):
            self.assertRegex(drawn, rf'<td class="{kind} n" data-of="ends in">[^<]+</td><td [^>]*>[^<]+</td><td data-of="name">{name}\.w\.example and 1 more</td>')


if __name__ == "__main__":
    main()
