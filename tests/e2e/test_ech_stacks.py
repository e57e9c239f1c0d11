#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Encrypted ClientHello with real clients (Go, and NSS, which is Firefox's), and a server in Go that has the keys."""

import re
import shutil
import subprocess
import unittest

from harness import DEADLINE, Case, client_programs, main
from harness.case import HEAD
from harness.ech import EchSite
from harness.tls_end import make_certificate


def go_version():
    if shutil.which("go") is None:
        return (0, 0)
    found = re.search(r"go(\d+)\.(\d+)", subprocess.run(["go", "version"], check=True, capture_output=True, text=True).stdout)
    return (int(found[1]), int(found[2]))


HAS_GO = unittest.skipUnless(go_version() >= (1, 24), "Go 1.24 is the first that serves Encrypted ClientHello")


def text_of(done):
    return done.stdout + done.stderr


class EchStacks(EchSite, Case):
    def setUp(self):
        super().setUp()
        self.names = make_certificate(self.folder / "live", "secret.example", "public.example")
        self.key_file = self.names.with_name("privkey.pem")
        self.port_of_server = None

    def file(self, port):
        return self.text(f"""
[[route]]
names = ["secret.example"]
backend = "web"
[[route]]
names = ["public.example"]
backend = "front"
[backend.web]
proxy = "127.0.0.1:{port}"
ech = "own_keys"
[backend.front]
proxy = "localhost:{port}"
ech = "own_keys"
""", head=HEAD)

    def begin(self, start_server):
        """`start_server` takes the config of the key, and returns its port."""
        self.config = self.new_key(self.file(1))
        whole = self.file(start_server(self.config))
        self.helper = self.ech_end(whole)
        self.front = self.router(head=whole, compare_descriptors=False)

    def go_server(self, curve="x25519"):
        def start(_config):
            program = client_programs.go("ech_server.go", "go-ech-server")
            self.server = self.run_program([program, self.names, self.key_file, next(self.keys.iterdir()), curve])
            line = self.server.wait_for(lambda me: [one for one in me.lines if one.startswith("listening ")], "listening")[0]
            return int(line.split()[1])
        return start

    def go_client(self, name="secret.example", config=None):
        program = client_programs.go("ech_client.go", "go-ech-client")
        return subprocess.run([program, str(self.front.port()), name, self.names, (config or self.config).text], capture_output=True, text=True,
                              timeout=DEADLINE, check=False)

    def nss_client(self, *options, name="secret.example"):
        return subprocess.run(["tstclnt", "-o", "-D", "-h", "127.0.0.1", "-p", str(self.front.port()), "-a", name, "-V", "tls1.3:tls1.3", "-Q", *options],
                              capture_output=True, text=True, timeout=DEADLINE, check=False, stdin=subprocess.DEVNULL)

    def line(self, **wanted):
        return self.front.session(**wanted)

    @HAS_GO
    def test_go_to_go(self):
        self.begin(self.go_server())
        answer = self.go_client()
        self.assertEqual(answer.stdout, "ech true retried false\nsecret.example hello\n", text_of(answer))
        line = self.line(server_name="secret.example")
        self.assertEqual((line["ech"], line["outer_name"], line["backend"], line["outcome"]), ("opened", "public.example", "web", "proxied"), line)

    @HAS_GO
    def test_go_to_go_with_a_hello_retry_request(self):
        self.begin(self.go_server("p384"))
        answer = self.go_client()
        self.assertEqual(answer.stdout, "ech true retried true\nsecret.example hello\n", text_of(answer))
        self.assertEqual(self.line(server_name="secret.example")["ech"], "opened")

    def check_nss(self, curve, retried):
        self.begin(self.go_server(curve))
        answer = self.nss_client("-N", self.config.text)
        self.assertEqual(answer.returncode, 0, text_of(answer))
        wanted = f"served secret.example ech true retried {retried}"
        self.server.wait_for(lambda me: wanted in me.lines, wanted)
        self.assertEqual(self.line(server_name="secret.example")["ech"], "opened")

    @HAS_GO
    def test_nss_to_go(self):
        self.check_nss("x25519", "false")

    @HAS_GO
    def test_nss_to_go_with_a_hello_retry_request(self):
        self.check_nss("p384", "true")

    @HAS_GO
    def test_a_key_that_is_not_in_use_any_more_is_told_the_new_one(self):
        old = self.new_key(self.file(1))
        (self.keys / f"public.example-{old.id}.pem").unlink()
        self.begin(self.go_server())
        answer = self.go_client(config=old)
        self.assertEqual(answer.stdout, f"rejected {self.config.text}\n", text_of(answer))
        line = self.line(server_name="public.example")
        self.assertEqual((line["ech"], line["backend"]), ("grease", "front"), line)

    @HAS_GO
    def test_grease_of_nss_goes_by_its_name(self):
        self.begin(self.go_server())
        answer = self.nss_client("-i", "100")
        self.assertEqual(answer.returncode, 0, text_of(answer))
        line = self.line(server_name="secret.example")
        self.assertIn(line["ech"], ("grease", "rejected"), line)  # its config_id is random


if __name__ == "__main__":
    main()
