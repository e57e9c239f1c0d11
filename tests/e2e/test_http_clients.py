# SPDX-License-Identifier: BSL-1.0
"""Clients of HTTP in clear that are handed over with their request: sockets by the thousand, wrk, and a browser with its redirect,
event streams and WebSockets.

SNIPASS_LONG=1: ten thousand connections by each protocol."""

import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import unittest
from concurrent.futures import ThreadPoolExecutor

from harness import DEADLINE, Case, main, read_all, read_exactly, wait_until
from harness.backend_case import MANY
from harness.case import HEAD
from harness.places import BUILD, SOURCE

sys.path.insert(0, str(SOURCE / "examples/receivers"))
import receiver  # noqa: E402
import scgi_receiver  # noqa: E402

CLEAR = HEAD + 'protocol = "http"\n'
ROUTE = '[[route]]\nnames = ["live.example.com"]\nbackend = "live"\n'
HOST = b"Host: live.example.com\r\n"


class Scgi(Case):
    def scgi(self, *, rest="", acknowledges=False):
        """A router, and the example with libsnipass behind it."""
        path = self.folder / "live.sock"
        self.run_program([BUILD / "examples/scgi_backend", *(["--ack"] if acknowledges else []), path])
        wait_until(lambda: receiver_listens(path), "the backend listens")
        return self.router(ROUTE + self.backend("live", protocol="scgi", rest="scgi_ack = true\n" if acknowledges else "") + rest, head=CLEAR)


def receiver_listens(path):
    with socket.socket(socket.AF_UNIX) as one:
        return one.connect_ex(str(path)) == 0


class Many(Scgi):
    """None of them is lost, and each gets its own answer."""

    def each(self, router, request, answer, outcome="handed_off"):
        def one(number):
            with socket.create_connection(("127.0.0.1", router.port()), DEADLINE) as client:
                client.sendall(request(number))
                return answer(client, number)

        with ThreadPoolExecutor(16) as pool:
            self.assertEqual(list(pool.map(one, range(MANY))).count(True), MANY)
        router.wait_counted(**{outcome: MANY})

    def test_by_scgi(self):
        def request(number):
            return b"POST /%d HTTP/1.1\r\n" % number + HOST + b"Content-Length: 4\r\n\r\nbody"

        def answer(client, number):
            return read_all(client)[0].endswith(b"\r\n\r\nPOST /%d from 127.0.0.1\nbody" % number)

        for acknowledges in (False, True):
            with self.subTest(acknowledges=acknowledges):
                self.folder = self.folder / "x" if acknowledges else self.folder
                self.folder.mkdir(exist_ok=True)
                self.each(self.scgi(acknowledges=acknowledges), request, answer)

    def test_by_datagram(self):
        self.receiver("live", protocol="datagram", serve="raw")
        router = self.router(ROUTE + self.backend("live", protocol="datagram"), head=CLEAR)

        def request(number):
            return b"PUT /%d HTTP/1.1\r\n" % number + HOST + b"Content-Length: 4\r\n\r\nbody"

        self.each(router, request, lambda client, number: read_exactly(client, len(request(number))) == request(number))


    def test_redirected(self):
        router = self.router('[[route]]\nnames = ["live.example.com"]\nbackend = "https"\n[backend.https]\nredirect = "https"\n', head=CLEAR)
        self.each(router, lambda number: b"GET /%d HTTP/1.1\r\n" % number + HOST + b"\r\n",
                  lambda client, number: b"\r\nLocation: https://live.example.com/%d\r\n" % number in read_all(client)[0], "redirected")


class Wrk(Scgi):
    @unittest.skipUnless(shutil.which("wrk"), "no wrk here")
    def test_wrk(self):
        router = self.scgi(acknowledges=True)
        done = subprocess.run(["wrk", "-t", "2", "-c", "16", "-d", "1s", "--timeout", f"{DEADLINE:.0f}s", "-H", "Host: live.example.com",
                               f"http://127.0.0.1:{router.port()}/x"], capture_output=True, text=True, timeout=2 * DEADLINE, check=True)
        self.assertNotIn("Socket errors", done.stdout)
        self.assertNotIn("Non-2xx", done.stdout)
        served = int(re.search(r"(\d+) requests in", done.stdout)[1])
        self.assertGreater(served, 0)
        router.wait_for(lambda me: me.counters()["handed_off"] >= served, "they are counted")


PAGE = b"""<!DOCTYPE html><title>live</title><img src="/hold">
<script>
let told = [];
function tell(what) {
    told.push(what);
    if (told.length === 2) fetch("/report/" + told.sort().join("-"), {method: "POST", body: "a body"});
}
const events = new EventSource("/events");
events.onmessage = (event) => { if (event.data === "2") { events.close(); tell("event"); } };
const echo = new WebSocket("ws://" + location.host + "/echo");
echo.onopen = () => echo.send("hello");
echo.onmessage = (message) => { echo.close(); tell(message.data); };
</script>
"""


class Site:
    """A server on the example receiver. The page is not whole before /hold is answered, so the browser waits for /report."""

    def __init__(self, path):
        self.reports, self._told = [], threading.Event()
        self._listener = receiver.listen(str(path))
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self):
        self._told.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self):
        try:
            while True:
                threading.Thread(target=self._serve, args=self._listener.accept()[:1], daemon=True).start()
        except OSError:
            return

    def _serve(self, connection):
        try:
            with connection:
                variables, client = scgi_receiver.receive_request(connection, receiver.Senders([0]), True)
            with client:
                self._answer(client, variables)
        except (OSError, EOFError, receiver.Refused):
            return  # a browser closes what it needs no more

    def _answer(self, client, variables):
        path = variables["REQUEST_URI"]
        if path == "/events":
            return scgi_receiver.stream_events(client)
        if path == "/echo":
            return scgi_receiver.echo(client, variables["HTTP_SEC_WEBSOCKET_KEY"])
        if path.startswith("/report/"):
            body = scgi_receiver.exactly(client, int(variables["HTTP_CONTENT_LENGTH"]))
            self.reports.append((path.removeprefix("/report/"), body))
            self._told.set()
        if path == "/hold":
            self._told.wait(3 * DEADLINE)
        text = PAGE if path == "/page" else b""
        scgi_receiver.answer(client, "200 OK", {"Content-Type": "text/html", "Content-Length": len(text), "Connection": "close"}, text)


@unittest.skipUnless(shutil.which("chromium"), "no chromium here")
class Browser(Case):
    def browse(self, url, rules):
        with tempfile.TemporaryDirectory(prefix="snipass-chromium-", ignore_cleanup_errors=True) as profile:
            done = subprocess.run(
                ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
                 "--disable-component-update", "--disable-sync", "--no-proxy-server", "--disable-dev-shm-usage", f"--user-data-dir={profile}",
                 "--disable-features=HttpsUpgrades", "--ignore-certificate-errors", f"--host-resolver-rules={rules}, MAP * ~NOTFOUND",
                 "--dump-dom", url], capture_output=True, text=True, timeout=4 * DEADLINE, check=False)
        return done.stdout

    def test_a_redirect_an_event_stream_and_a_web_socket(self):
        site = self.keep(Site(self.folder / "live.sock"))
        self.receiver("blog")
        router = self.router('[[route]]\nnames = ["live.example.com"]\npaths = ["/*"]\nbackend = "live"\n'
                             '[[route]]\nnames = ["blog.example.com"]\npaths = ["/*"]\nbackend = "https"\n'
                             '[[route]]\nnames = ["blog.example.com"]\nbackend = "blog"\n[backend.https]\nredirect = "https"\n'
                             + self.backend("live", protocol="scgi", rest="scgi_ack = true") + self.backend("blog"),
                             head=CLEAR + '[[listener]]\naddress = "127.0.0.2:0"\n')
        clear, tls = router.port(), router.port("127.0.0.2:0")
        with self.subTest("a page with an event stream and a WebSocket"):
            shown = self.browse("http://live.example.com/page", f"MAP live.example.com 127.0.0.1:{clear}")
            self.assertIn("<title>live</title>", shown)
            self.assertEqual(site.reports, [("event-hello", b"a body")])
        with self.subTest("a redirect"):
            shown = self.browse("http://blog.example.com/", f"MAP blog.example.com:80 127.0.0.1:{clear}, MAP blog.example.com:443 127.0.0.2:{tls}")
            self.assertIn("blog", shown)
            self.assertGreaterEqual(len(router.sessions(1, outcome="redirected")), 1)
            self.assertGreaterEqual(len(router.sessions(1, backend="blog", outcome="handed_off")), 1)


if __name__ == "__main__":
    main()
