# SPDX-License-Identifier: BSL-1.0
"""What [metrics] answers, as a program that asks for it reads it."""

import gzip
import http.client
import json
import re
import socket

from .process import DEADLINE

SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')


class _ByPath(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=DEADLINE)
        self._path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(DEADLINE)
        self.sock.connect(self._path)


def metrics_address(router, written="127.0.0.1:0"):
    """Where a [metrics] address with port 0 is."""
    def find(me):
        return [e for e in me.events if e.get("message") == "metrics" and e.get("address") == written]
    host, _, port = router.wait_for(find, "where [metrics] is")[-1]["at"].rpartition(":")
    return host.strip("[]"), int(port)


def ask(where, path="/metrics", method="GET", **headers):
    """Status, headers and text; `where` is an address, or the path of a unix socket."""
    connection = http.client.HTTPConnection(*where, timeout=DEADLINE) if isinstance(where, tuple) else _ByPath(where)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        if answer.getheader("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        return answer.status, dict(answer.getheaders()), body.decode()
    finally:
        connection.close()


class Samples:
    """The samples of one scrape, by name and labels."""

    def __init__(self, text):
        self.text, self._all = text, {}
        for line in text.splitlines():
            if line.startswith("#"):
                continue
            name, labels, value = SAMPLE.fullmatch(line).groups()
            key = name, frozenset(LABEL.findall(labels or ""))
            assert key not in self._all, f"twice: {line}"
            self._all[key] = float(value)

    def value(self, name, /, **labels):
        """None: there is no such sample."""
        return self._all.get((name, frozenset(labels.items())))

    def total(self, name, /, **labels):
        """Of all samples of that name that have these labels, and whatever others."""
        return sum(value for (known, its), value in self._all.items() if known == name and its >= labels.items())


def scrape(where):
    status, _, text = ask(where)
    assert status == 200, (status, text)
    return Samples(text)


def status_of(where):
    status, _, text = ask(where, "/status.json")
    assert status == 200, (status, text)
    return json.loads(text)
