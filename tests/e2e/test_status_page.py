# SPDX-License-Identifier: BSL-1.0
"""The status page, as a real browser draws it: under load, and with names that would like to be more than text."""

import html
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import unittest

import harness
from harness import DEADLINE, Case, client_hello, hello_for, read_all, wait_until
from harness.metrics import ask, metrics_address, status_of

HEAD = """
[server]
workers = 2
[log]
format = "json"
[metrics]
address = "127.0.0.1:0"
[[listener]]
address = "127.0.0.1:0"
unmatched = "close"
[[route]]
names = ["blog.example.com"]
backend = "blog"
[[route]]
names = ["away.example.com"]
backend = "away"
"""
HOSTILE = [b'<script>document.title="owned"</script>\n\x01\xff', b"<img src=x onerror=document.title='owned'>"]


def as_shown(name):
    """What the page makes of a client's bytes, in the browser's own HTML."""
    text = "".join(chr(byte) if 0x20 <= byte < 0x7f else f"\\x{byte:02x}" for byte in name)
    return html.escape(text, quote=False)


def chromium(url, *options):
    """What it prints, and its messages. It opens connections to no host but this one."""
    with tempfile.TemporaryDirectory(prefix="snipass-chromium-", ignore_cleanup_errors=True) as profile:
        done = subprocess.run(
            ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync", "--no-proxy-server", "--disable-dev-shm-usage", f"--user-data-dir={profile}",
             "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--enable-logging=stderr", *options, url],
            capture_output=True, text=True, timeout=4 * DEADLINE, check=False)
        return done.stdout, done.stderr


class StatusPage(Case):
    def start(self):
        self.receiver("blog", serve="raw")
        router = self.router(self.backend("blog") + self.backend("away", rest='hold = "0s"'), head=HEAD)
        return router, metrics_address(router)

    def visit(self, router, hello):
        with socket.create_connection(("127.0.0.1", router.port()), DEADLINE) as client:
            client.sendall(hello)
            client.shutdown(socket.SHUT_WR)
            read_all(client)

    def test_the_page_lets_no_script_in_but_its_own(self):
        _, where = self.start()
        pages = [ask(where, "/") for _ in range(2)]
        nonces = []
        for status, headers, text in pages:
            self.assertEqual((status, headers["Content-Type"]), (200, "text/html; charset=utf-8"))
            policy = headers["Content-Security-Policy"]
            nonce = re.search(r"script-src 'nonce-([^']+)'", policy)[1]
            nonces.append(nonce)
            self.assertIn("default-src 'none'; ", policy)
            self.assertNotIn("unsafe", policy)
            self.assertEqual(re.findall(r"<(?:script|style)[^>]*>", text), [f'<style nonce="{nonce}">', f'<script nonce="{nonce}">'])
            self.assertEqual(re.findall(r"""(?:src|href)=["']?(?!/status\.json|data:,)[^"'> ]+""", text), [])
            self.assertNotRegex(text, r"https?://|innerHTML|outerHTML|insertAdjacent|document\.write|eval\(")
        self.assertNotEqual(*nonces)

    @unittest.skipUnless(shutil.which("chromium"), "no chromium here")
    def test_a_browser_draws_it_under_load(self):
        router, where = self.start()
        for name in HOSTILE:
            self.visit(router, hello_for(name))
        self.visit(router, client_hello("away.example.com"))
        stop = threading.Event()

        def load():
            while not stop.is_set():
                self.visit(router, client_hello("blog.example.com"))

        thread = threading.Thread(target=load)
        thread.start()
        try:
            wait_until(lambda: sum(status_of(where)["history"]["served"]) > 0, "there is something to draw")
            drawn, messages = chromium("http://%s:%d/" % where, "--virtual-time-budget=5000", "--dump-dom")
        finally:
            stop.set()
            thread.join()
        self.assertIn('data-drawn="yes"', drawn, messages)
        self.assertNotIn("CONSOLE", messages)  # a policy that was broken, or an error
        self.assertIn("<title>snipass</title>", drawn)
        self.assertRegex(drawn, r'id="state" class="state good">serving<')
        for name in HOSTILE:
            self.assertIn(f'<td data-of="name">{as_shown(name)}</td>', drawn)
        self.assertRegex(drawn, r'<td data-of="health" class="bad">away</td>|<td class="bad" data-of="health">away</td>')
        self.assertRegex(drawn, r'takes clients</td>')
        self.assertRegex(drawn, r'<path class="served" d="M\d')
        self.assertRegex(drawn, r'class="bad n"[^>]*>backend_absent</td>')


if __name__ == "__main__":
    harness.main()
