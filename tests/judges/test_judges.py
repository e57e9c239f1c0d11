#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Whenever a server that accepts a request head reads another method, target or Host than snipass, that is a bug.

The judges are Boost.Beast, Go's net/http, Node's http server (llhttp) and Python's h11. They read the shapes below, and some
thousands that are made of them by a fixed seed. What snipass refuses and a judge accepts is a deliberate difference, which docs/parser.md lists."""

import importlib.util
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

FOLDER = pathlib.Path(__file__).resolve().parent
READ_HEADS = os.environ.get("SNIPASS_READ_HEADS", str(FOLDER.parents[1] / "build-dev/read_heads"))
DEADLINE = 120
MUTATIONS = int(os.environ.get("SNIPASS_MUTATIONS", "4000"))

HOST = b"Host: a.example\r\n"
SHAPES = [
    b"GET / HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET /live/1?a=b HTTP/1.1\r\nHost: A.Example:8080\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n",
    b"POST /a HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\nContent-Type: text/plain\r\n\r\nabc",
    b"POST /a HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    b"GET http://a.example/x HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET http://a.example?x HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET http://b.example/x HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET https://a.example/x HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET http://u@a.example/x HTTP/1.1\r\n" + HOST + b"\r\n",
    b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n",
    b"CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n",
    b"GET / HTTP/1.0\r\n\r\n",
    b"HEAD /x HTTP/1.0\r\n" + HOST + b"\r\n",
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a.example\r\n b.example\r\n\r\n",
    b"GET / HTTP/1.1\r\nX: y\r\n Host: b.example\r\n" + HOST + b"\r\n",
    b"GET / HTTP/1.1\r\nHost : b.example\r\n" + HOST + b"\r\n",
    b"GET / HTTP/1.1\nHost: a.example\n\n",
    b"GET / HTTP/1.1\r\nHost: a.example\nHost: b.example\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a.example\rHost: b.example\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a.example\x00b\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost:\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a.example.\r\nCookie: a=b; c=\xff\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a.example, b.example\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a%2eexample\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: u@a.example\r\n\r\n",
    b"GET /a%2fb/../c HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET /a\\b HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET /[a]|b?{c}^`\\ HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET //b/c HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET /#a HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET /\xc3\xa4 HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET  / HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET /\tHTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET /a b HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET / HTTP/1.2\r\n" + HOST + b"\r\n",
    b"GET / HTTP/2.0\r\n" + HOST + b"\r\n",
    b"GET /\r\n",
    b"\r\nGET / HTTP/1.1\r\n" + HOST + b"\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"GET / HTTP/1.1\r\n" + HOST + b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: AA==\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"y" * 3000 + b"\r\n\r\n",
]
PIECES = [b"\r", b"\n", b"\r\n", b" ", b"\t", b":", b"\0", b"Host: b.example\r\n", b"Host:b\r\n", b" Host: b.example\r\n",
          b"http://b.example", b"http://", b"//", b"%", b"@", b"#", b"?", b"\\", b"\x0b", b"\x7f", b"\xff", b"HTTP/1.0", b"HTTP/1.1",
          b".", b",", b";", b"[", b"]", b"GET ", b"/", b"*", b"\r\n\r\n", b"Transfer-Encoding: chunked\r\n", b"Content-Length: 1\r\n"]


def mutated(source):
    """A head near one of the shapes."""
    head = bytearray(source.choice(SHAPES))
    for _ in range(source.randint(1, 3)):
        at = source.randrange(min(len(head), 200) + 1)
        kind = source.randrange(5)
        if kind == 0:
            head[at:at] = source.choice(PIECES)
        elif kind == 1:
            del head[at : at + source.randint(1, 4)]
        elif kind == 2:
            head[at : at + 1] = bytes([source.randrange(256)])
        elif kind == 3:
            lines = bytes(head).split(b"\r\n")
            lines.insert(source.randrange(len(lines)), source.choice(lines))
            head = bytearray(b"\r\n".join(lines))
        else:
            head[at : at + 1] = source.choice(PIECES)
    return bytes(head)


class Judges(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="snipass-judges-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        environment = {**os.environ, "GOFLAGS": "-mod=mod", "GO111MODULE": "off"}
        subprocess.run(["go", "build", "-o", cls.folder / "judge", FOLDER / "judge.go"], check=True, timeout=DEADLINE,
                       env=environment, cwd=cls.folder)
        cls.commands = {"Beast": [READ_HEADS, "beast"], "Go": [cls.folder / "judge"], "Node": ["node", FOLDER / "judge.js"]}
        if importlib.util.find_spec("h11"):
            cls.commands["h11"] = [sys.executable, FOLDER / "judge.py"]
        else:
            print("Python has no h11 here (Debian: python3-h11); it is left out", file=sys.stderr)

    def ask(self, command, heads):
        frames = b"".join(len(head).to_bytes(4, "big") + head for head in heads)
        done = subprocess.run(command, input=frames, stdout=subprocess.PIPE, check=True, timeout=DEADLINE)
        answers = done.stdout.decode().splitlines()
        self.assertEqual(len(answers), len(heads), command)
        return answers

    def compare(self, heads):
        """What each judge accepts though snipass refuses it, by the rule."""
        ours = self.ask([READ_HEADS], heads)
        found = {}
        for judge, command in self.commands.items():
            found[judge] = set()
            for head, mine, theirs in zip(heads, ours, self.ask(command, heads)):
                if not theirs.startswith("head "):
                    continue
                self.assertNotEqual(mine, "waits", f"{judge} accepts what snipass waits for: {head!r}")
                if mine.startswith("head "):
                    self.assertEqual(in_words(mine), in_words(theirs), f"{judge} reads {head!r} otherwise")
                else:
                    found[judge].add(mine.removeprefix("refused "))
        return found, ours

    def test_no_server_reads_another_request(self):
        source = random.Random(18)
        found, ours = self.compare(SHAPES + [mutated(source) for _ in range(MUTATIONS)])
        for judge, rules in found.items():  # what is in docs/parser.md, of the versions that are there
            print(judge, "accepts what snipass refuses:", *sorted(rules), sep="\n  ", file=sys.stderr)
        self.assertGreater(sum(mine.startswith("head ") for mine in ours), MUTATIONS // 20)

    def test_each_judge_serves_an_ordinary_request(self):
        for judge, command in self.commands.items():
            with self.subTest(judge):
                answers = self.ask(command, SHAPES[:2])
                self.assertEqual([in_words(one) for one in answers],
                                 [("GET", "/", "a.example"), ("GET", "/live/1?a=b", "a.example")])


def in_words(answer):
    """The method, the target, and the host without its port; its case says nothing."""
    method, target, host = (b"" if word == "-" else bytes.fromhex(word) for word in answer.split(" ")[1:])
    return method.decode("latin-1"), target.decode("latin-1"), re.sub(r":\d*$", "", host.decode("latin-1")).lower()


if __name__ == "__main__":
    unittest.main()
