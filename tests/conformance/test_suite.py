# SPDX-License-Identifier: BSL-1.0
"""The suite must be able to fail: it is run against routers that are wrong on purpose, each in its own way.

The routers run in this process, a thread for each client, as TCP proxies.
"""
import contextlib
import json
import re
import select
import socket
import subprocess
import threading
import unittest
from pathlib import Path

from routers import SUITE

DOCUMENT = Path(__file__).resolve().parent / "README.md"


def read_some(client, size):
    """What arrives until there is that much, or the client has no more to say for half a second."""
    data = b""
    while len(data) < size and select.select([client], [], [], 0.5)[0]:
        received = client.recv(65536)
        if not received:
            break
        data += received
    return data


def relay(client, server):
    """Both directions, until both have ended."""
    peers = {client: server, server: client}
    while peers:
        for one in select.select(list(peers), [], [])[0]:
            data = one.recv(65536)
            other = client if one is server else server
            if data:
                other.sendall(data)
                continue
            del peers[one]
            with contextlib.suppress(OSError):
                other.shutdown(socket.SHUT_WR)


class Router:
    """Sends everybody to the default backend; the others change one thing."""

    def __init__(self, backends):
        self.backends = backends
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listener.close()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self.serve, args=self.listener.accept()[:1], daemon=True).start()

    def serve(self, client):
        with client, contextlib.suppress(OSError):
            head = self.read(client)
            where = self.choose(head)
            if where is None:
                return
            with socket.create_connection(self.backends[where]) as server:
                server.sendall(self.forward(head))
                relay(client, server)

    def read(self, client):
        return read_some(client, 5)

    def choose(self, head):
        return "default"

    def forward(self, head):
        return head


class Grepping(Router):
    """Looks for what a server_name extension looks like, in the first record, wherever it is; a name ends at a NUL."""

    def read(self, client):
        head = read_some(client, 5)
        return head + read_some(client, 5 + int.from_bytes(head[3:5]) - len(head))

    def choose(self, head):
        found = re.search(rb"\0\0\0.\0.\0\0(.)", head, re.DOTALL)
        name = found and head[found.end():found.end() + found[1][0]].split(b"\0")[0]
        return {b"a.test": "a", b"b.test": "b"}.get(name, "default")


class Rewriting(Grepping):
    """Writes the name in lower case before it passes the bytes on."""

    def choose(self, head):
        return super().choose(head.lower())

    def forward(self, head):
        return head.replace(b"A.TEST", b"a.test")


class Closing(Router):
    def choose(self, head):
        return None


class Everybody(Router):
    def choose(self, head):
        return "a"


class GreppingHttp(Router):
    """Looks for "Host: " wherever it is, and believes the first."""

    def read(self, client):
        head = b""
        while b"\r\n\r\n" not in head and select.select([client], [], [], 0.5)[0] and (more := client.recv(65536)):
            head += more
        return head

    def choose(self, head):
        found = re.search(rb"Host *: *([a-z.]+)", head)
        return {b"a.test": "a", b"b.test": "b"}.get(found and found[1], "default")


class TheSuite(unittest.TestCase):
    def run_against(self, router_class, *only, http=False):
        with contextlib.ExitStack() as stack:
            addresses, options, descriptors = {}, [], []
            for name in ("a", "b", "default"):
                listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
                addresses[name] = listener.getsockname()
                descriptors.append(listener.fileno())
                options += [f"--{name}", f"fd:{listener.fileno()}"]
            router = stack.enter_context(contextlib.closing(router_class(addresses)))
            options += [option for part in only for option in ("--only", part)] + (["--http"] if http else [])
            done = subprocess.run([SUITE, "--json", "--router", router.address, "--slow", "200", *options],
                                  pass_fds=descriptors, stdout=subprocess.PIPE, text=True, check=False)
        report = json.loads(done.stdout)
        self.assertEqual(done.returncode, 1 if report["wrong"] else 0)
        return {shape["shape"]: shape for shape in report["shapes"]}

    def check(self, shapes, expected):
        self.assertEqual({name: shapes[name]["fault"] for name in expected}, expected)

    def test_finds_a_router_that_searches_the_bytes_of_the_first_record(self):
        shapes = self.run_against(Grepping, "whole", "fragments/of-16", "names/two-names", "names/unknown", "decoys/",
                                  "lengths/list-1", "strangers/http", "names/nul-inside")
        self.check(shapes, {
            "segments/whole": "none",
            "names/unknown": "none",
            "strangers/http": "none",
            "fragments/of-16": "lost",
            "decoys/random": "misrouted",
            "decoys/random-nameless": "misrouted",
            "decoys/hello-in-extension-nameless": "misrouted",
            "decoys/extension-before-name": "misrouted",
            "names/two-names": "lenient",
            "names/nul-inside": "lenient",
            "lengths/list-1": "lenient",
        })

    def test_finds_bytes_that_were_changed_on_the_way(self):
        shapes = self.run_against(Rewriting, "names/upper-case", "segments/whole")
        self.check(shapes, {"segments/whole": "none", "names/upper-case": "damaged"})
        self.assertIn("changed", shapes["names/upper-case"]["why"])

    def test_finds_a_router_that_refuses_or_forgets_clients(self):
        for router in (Closing, Router):
            shapes = self.run_against(router, "segments/in-name", "sizes/5000", "strangers/garbage")
            self.check(shapes, {"segments/in-name": "lost", "sizes/5000": "lost", "strangers/garbage": "none"})

    def test_finds_a_router_that_takes_everybody_for_one_name(self):
        shapes = self.run_against(Everybody, "names/unknown", "fields/no-server-name", "strangers/ssh",
                                  "segments/unfinished-random", "segments/whole")
        self.check(shapes, {"segments/whole": "none", "names/unknown": "misrouted",
                            "fields/no-server-name": "misrouted", "strangers/ssh": "lenient",
                            "segments/unfinished-random": "lenient"})

    def test_finds_a_router_that_searches_a_head(self):
        shapes = self.run_against(GreppingHttp, "lines/get", "hosts/port", "hosts/two", "hosts/unknown", "hosts/capitals", "fields/x-host",
                                  "fields/space-before-colon-b", "fields/folded-decoy", "targets/absolute-of-another", "pieces/unfinished-host",
                                  "strangers/http2", http=True)
        self.check(shapes, {
            "lines/get": "none",
            "hosts/port": "none",
            "hosts/unknown": "none",
            "strangers/http2": "none",
            "hosts/capitals": "lost",
            "hosts/two": "lenient",
            "fields/x-host": "misrouted",
            "fields/folded-decoy": "misrouted",
            "fields/space-before-colon-b": "lenient",
            "targets/absolute-of-another": "misrouted",
            "pieces/unfinished-host": "lenient",
        })

    def test_finds_a_router_that_refuses_or_forgets_heads(self):
        for router in (Closing, Router):
            shapes = self.run_against(router, "lines/get", "pieces/in-host", "strangers/ssh", http=True)
            self.check(shapes, {"lines/get": "lost", "pieces/in-host": "lost", "strangers/ssh": "none"})

    def test_its_exit_status_tells_that_it_could_not_run(self):
        for options in (["--router", "127.0.0.1:1"], ["--only", "no such shape"], ["--nonsense"]):
            done = subprocess.run([SUITE, *options], capture_output=True, check=False)
            self.assertEqual(done.returncode, 2, options)

    def test_the_document_lists_every_shape(self):
        document = DOCUMENT.read_text()
        for options, count in ([], 200), (["--http"], 150):
            made = subprocess.run([SUITE, "--markdown", *options], capture_output=True, text=True, check=True).stdout
            # What is right depends on OpenSSL's version; the rest of a row does not.
            rows = [line.rsplit("|", 2)[0] for line in made.splitlines()]
            self.assertGreater(len(rows), count)
            self.assertEqual([row for row in rows if row not in document], [])


if __name__ == "__main__":
    unittest.main()
