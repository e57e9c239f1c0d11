#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Encrypted ClientHello: routed by the inner name, by a router that has no key, and never by the outer one while it cannot be opened."""

import concurrent.futures
import os
import re
import signal
import socket
import subprocess
import threading

from harness import DEADLINE, Case, client_hello, main, of_another_client, read_exactly, unless_sanitized, wait_until
from harness.case import HEAD
from harness.ech import (ILLEGAL_PARAMETER, INNER, SCHEMES, SHARES, Config, EchSite, body, in_record, inner, read_to_end, references,
                         server_name, share, versions)
from harness.places import SNIPASS

ROUTES = """
[[route]]
names = ["a.example", "b.example"]
backend = "a"
[[route]]
names = ["public.example"]
backend = "front"
[[route]]
names = ["bare.example"]
backend = "bare"
"""


class Ech(EchSite, Case):
    def setUp(self):
        super().setUp()
        for name in ("a", "front", "bare"):
            self.receiver(name, serve="raw")
        self.whole = self.text(ROUTES + self.backend("a", rest='ech = "own_keys"') + self.backend("front", rest='ech = "own_keys"') + self.backend("bare"),
                               head=HEAD.replace("[server]", '[server]\nhello_timeout = "60s"\nmax_waiting_per_source = 4096') + 'malformed = "close"\n')

    def begin(self, *, head_more=""):
        self.config = self.new_key(self.whole)
        self.helper = self.ech_end(self.whole)
        self.front = self.router(head=self.whole, rest=head_more, compare_descriptors=False)

    def served(self, hello, port=None):
        """What a backend that echoes sends back of the hello; b"" for a client that nobody served."""
        with socket.create_connection(("127.0.0.1", port or self.front.port()), DEADLINE) as client:
            client.sendall(hello)
            try:
                return read_exactly(client, len(hello))
            except (ConnectionResetError, TimeoutError):
                return b""

    def refused(self, hello):
        with socket.create_connection(("127.0.0.1", self.front.port()), DEADLINE) as client:
            client.sendall(hello)
            return read_to_end(client)

    def test_an_encrypted_hello_goes_by_its_inner_name_and_reaches_the_backend_unread(self):
        self.begin()
        for aead in (1, 2, 3):
            hello = self.config.hello(body(inner("a.example")), aead=aead)
            self.assertEqual(self.served(hello), hello)
            line = self.front.sessions(aead, server_name="a.example")[-1]
            self.assertEqual((line["outcome"], line["backend"], line["ech"], line["outer_name"]), ("handed_off", "a", "opened", "public.example"), line)
        padded = self.config.hello(body(inner("b.example")) + bytes(100))
        self.assertEqual(self.served(padded), padded)
        short = [server_name("b.example"), versions(0x0304), references(10, 13, 51), INNER]
        self.assertEqual(len(self.served(self.config.hello(body(short)))) > 0, True)
        self.assertEqual({line["backend"] for line in self.front.sessions(2, server_name="b.example")}, {"a"})
        self.front.wait_counted(ech_opened=5, ech_grease=0, ech_rejected=0)

    def test_a_hello_in_pieces_and_in_many_records(self):
        self.begin()
        hello = self.config.hello(body(inner("a.example")))
        message = hello[5:]
        records = b"".join(b"\x16\3\1" + len(message[i:i + 100]).to_bytes(2, "big") + message[i:i + 100] for i in range(0, len(message), 100))
        with socket.create_connection(("127.0.0.1", self.front.port()), DEADLINE) as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for i in range(0, len(records), 77):
                client.sendall(records[i:i + 77])
            self.assertEqual(read_exactly(client, len(records)), records)
        self.assertEqual(self.front.session(server_name="a.example")["ech"], "opened")

    def test_all_else_goes_by_its_outer_name(self):
        self.begin()
        plain = client_hello("a.example")
        self.assertEqual(self.served(plain), plain)
        self.assertEqual(self.front.session(server_name="a.example")["ech"], "none")
        other = Config(self.config.text)
        other.id = (self.config.id + 1) % 256
        grease = other.hello(body(inner("a.example")), outer_name="b.example")
        self.assertEqual(self.served(grease), grease)
        line = self.front.session(server_name="b.example")
        self.assertEqual((line["ech"], "outer_name" in line), ("grease", False), line)
        bent = self.config.hello(body(inner("a.example")), bend=True)
        self.assertEqual(self.served(bent), bent)
        line = self.front.session(server_name="public.example")
        self.assertEqual((line["ech"], line["backend"], line["outcome"]), ("rejected", "front", "handed_off"), line)
        old = self.config.hello(body(inner("a.example")), offered=(0x0303,))
        self.assertEqual(self.served(old), old)  # no TLS 1.3: nobody would open it
        self.front.wait_counted(ech_none=1, ech_grease=2, ech_rejected=1, ech_opened=0)

    def test_a_backend_without_ech_has_no_opened_clients(self):
        self.begin()
        hello = self.config.hello(body(inner("bare.example")))
        self.assertEqual(self.served(hello), hello)
        line = self.front.session(server_name="public.example")
        self.assertEqual((line["backend"], line["ech"]), ("front", "rejected"), line)

    def test_who_goes_by_the_outer_name_brings_no_inner_hello_along(self):
        with socket.create_server(("127.0.0.1", 0)) as far:
            own = self.backend("front", rest='ech = "own_keys"')
            self.assertIn(own, self.whole)
            self.whole = self.whole.replace(own, f'[backend.front]\nproxy = "127.0.0.1:{far.getsockname()[1]}"\nech = "carried"\n')
            self.begin()
            hello = self.config.hello(body(inner("bare.example")))
            with socket.create_connection(("127.0.0.1", self.front.port()), DEADLINE) as client:
                client.sendall(hello)
                far.settimeout(DEADLINE)
                backend, _ = far.accept()
                with backend:
                    backend.settimeout(DEADLINE)
                    self.assertEqual(read_exactly(backend, len(hello)), hello)

    def test_what_opens_and_breaks_a_rule_is_told_so_and_has_no_route(self):
        self.begin()
        good = inner("a.example")
        wrong = {
            "a session ID": body(good, session_id=b"x"),
            "TLS 1.2 offered": body(inner("a.example", offered=(0x0304, 0x0303))),
            "no versions": body([one for one in good if one[:2] != b"\0\x2b"]),
            "no TLS 1.3": body(inner("a.example", offered=(0x0305,))),
            "not inner": body([one for one in good if one != INNER]),
            "padding": body(good) + bytes(10) + b"\1",
            "an extension twice": body([*good, server_name("b.example")]),
            "a reference to what is not there": body([*good, references(0x7777)]),
            "references in another order": body([server_name("a.example"), versions(0x0304), references(13, 10), share(), INNER]),
            "the same twice": body([*good, references(10, 10)]),
            "a reference to encrypted_client_hello": body([*good, references(0xFE0D)]),
            "a reference to itself": body([*good, references(0xFD00)]),
            "an empty list": body([*good, references()]),
            "two lists": body([server_name("a.example"), versions(0x0304), references(10), references(13), share(), INNER]),
            "what the parser refuses": body([server_name("a.example"), versions(0x0304), SCHEMES, share(), INNER]),
            "nothing": b"",
        }
        for why, encoded in wrong.items():
            with self.subTest(why):
                self.assertEqual(self.refused(self.config.hello(encoded)), ILLEGAL_PARAMETER)
        with self.subTest("references in the outer hello"):
            self.assertEqual(self.refused(self.config.hello(body(good), outer=[references(10)])), ILLEGAL_PARAMETER)
        self.front.wait_counted(malformed=len(wrong) + 1, ech_opened=len(wrong) + 1, handed_off=0)
        line = self.front.session(outcome="malformed")
        self.assertEqual((line["ech"], line["backend"]), ("opened", None), line)

    def test_an_inner_hello_cut_at_each_byte(self):
        self.begin()
        whole = body([server_name("a.example"), versions(0x0304), references(10, 13, SHARES), INNER])
        with concurrent.futures.ThreadPoolExecutor(4) as clients:
            answers = list(clients.map(lambda size: self.refused(self.config.hello(whole[:size])), range(len(whole))))
        self.assertEqual(set(answers), {ILLEGAL_PARAMETER})
        self.front.wait_counted(malformed=len(whole), handed_off=0)

    def test_an_inner_hello_from_the_street_is_refused(self):
        self.begin()
        self.assertEqual(self.refused(in_record(body(inner("a.example")))), ILLEGAL_PARAMETER)
        self.front.wait_counted(malformed=1, handed_off=0)

    def test_while_the_helper_is_away_clients_wait_and_nobody_goes_by_the_outer_name(self):
        self.begin()
        port = self.front.port()
        stop = threading.Event()
        results = []

        def client_after_client():
            while not stop.is_set():
                hello = self.config.hello(body(inner("a.example")))
                results.append(self.served(hello, port) == hello)

        clients = [threading.Thread(target=client_after_client) for _ in range(4)]
        for one in clients:
            one.start()
        for end in (signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM):
            before = len(results)
            wait_until(lambda: len(results) > before + 5, "clients are served")
            self.helper.signal(end)
            if end == signal.SIGSTOP:
                wait_until(lambda: self.front.counters()["accepted"] > 0, "the router goes on")
                grease = Config(self.config.text)
                grease.id = (self.config.id + 1) % 256
                hello = grease.hello(body(inner("a.example")), outer_name="bare.example")
                self.assertEqual(self.served(hello, port), hello)  # who is not for us does not wait
                self.helper.signal(signal.SIGCONT)
                continue
            self.helper.wait()
            self.helper = self.ech_end(self.whole)
        before = len(results)
        wait_until(lambda: len(results) > before + 5, "clients are served")
        stop.set()
        for one in clients:
            one.join()
        self.assertEqual(results.count(False), 0)
        self.front.wait_counted(ech_opened=len(results), ech_rejected=0, ech_unready=0, handed_off=len(results) + 1)
        self.assertEqual(self.front.sessions(backend="front"), [])

    def test_who_waits_too_long_is_closed(self):
        self.whole = self.whole.replace('"60s"', '"300ms"')
        self.begin()
        self.helper.signal(signal.SIGSTOP)
        self.addCleanup(self.helper.signal, signal.SIGCONT)
        self.assertEqual(self.refused(self.config.hello(body(inner("a.example")))), b"")
        line = self.front.session(outcome="hello_timeout")
        self.assertEqual((line["ech"], line["outer_name"], line["backend"]), ("unready", "public.example", None), line)

    def test_more_clients_than_the_helper_is_asked_for_at_a_time(self):
        self.begin()
        self.helper.signal(signal.SIGSTOP)
        hellos = [self.config.hello(body(inner("a.example"))) for _ in range(300)]
        port = self.front.port()
        with concurrent.futures.ThreadPoolExecutor(300) as clients:
            answers = [clients.submit(self.served, hello, port) for hello in hellos]
            wait_until(lambda: self.front.counters()["accepted"] == len(hellos), "all are there")
            self.helper.signal(signal.SIGCONT)
            self.assertEqual([one.result() for one in answers], hellos)
        self.front.wait_counted(ech_opened=len(hellos), handed_off=len(hellos))

    def test_keys_come_and_go(self):
        self.begin()
        new = self.new_key(self.whole)
        self.assertNotEqual(new.id, self.config.id)
        self.helper.reload()
        for config in (self.config, new):
            wait_until(lambda: self.is_opened(config), "both are in use")
        listed = subprocess.run([SNIPASS, "ech", "list", "--config", self.front.file], check=True, capture_output=True, text=True).stdout
        openings = dict(re.findall(r"^(\d+) .* (\d+) +public\.example$", listed, re.MULTILINE))
        self.assertEqual(sorted(openings), sorted((str(self.config.id), str(new.id))), listed)
        self.assertNotIn("0", openings.values())
        (self.keys / f"public.example-{self.config.id}.pem").unlink()
        self.helper.reload()
        wait_until(lambda: not self.is_opened(self.config), "the old one is not")
        self.assertEqual(self.front.session(server_name="public.example")["ech"], "grease")

    def is_opened(self, config):
        """Another client of that config is routed by its inner name."""
        before = self.front.counters()["ech_opened"]
        hello = config.hello(body(inner("a.example")))
        self.assertEqual(self.served(hello), hello)
        return self.front.counters()["ech_opened"] > before

    @unless_sanitized
    def test_the_router_has_no_key(self):
        self.begin()
        hello = self.config.hello(body(inner("a.example")))
        self.assertEqual(self.served(hello), hello)
        pem = next(self.keys.iterdir())
        der = subprocess.run(["openssl", "pkey", "-in", pem, "-outform", "DER"], check=True, capture_output=True).stdout
        found = self.search(self.front.pid, {"key": der[-32:], "control": b"public.example"})
        self.assertNotIn("key", found)
        self.assertIn("control", found)

    @unless_sanitized
    def test_the_helper_is_confined_and_makes_no_core_file(self):
        self.begin()
        status = dict(line.split(":", 1) for line in open(f"/proc/{self.helper.pid}/status", encoding="ascii"))
        self.assertEqual((status["Seccomp"].strip(), status["NoNewPrivs"].strip(), status["Threads"].strip()), ("2", "1", "1"))
        with open(f"/proc/{self.helper.pid}/limits", encoding="ascii") as limits:
            self.assertRegex(limits.read(), r"Max core file size +0 +0 ")
        sockets = [os.readlink(f"/proc/{self.helper.pid}/fd/{number}") for number in os.listdir(f"/proc/{self.helper.pid}/fd")]
        with open("/proc/net/unix", encoding="ascii", errors="replace") as table:
            of_unix = {f"socket:[{line.split()[6]}]" for line in table}
        self.assertEqual([one for one in sockets if one.startswith("socket:") and one not in of_unix], [])

    def search(self, pid, wanted):
        """Which of the byte strings are in a process's memory."""
        found = set()
        with open(f"/proc/{pid}/maps", encoding="ascii") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
            for line in maps:
                first, last = (int(number, 16) for number in line.split()[0].split("-"))
                if not line.split()[1].startswith("r") or line.rstrip().endswith(("[vvar]", "[vsyscall]", "[vvar_vclock]")):
                    continue
                try:
                    content = os.pread(memory.fileno(), last - first, first)
                except OSError:
                    continue
                found |= {name for name, text in wanted.items() if text in content}
        return found

    def test_a_helper_that_comes_late(self):
        self.config = self.new_key(self.whole)
        self.front = self.router(head=self.whole, compare_descriptors=False)
        hello = self.config.hello(body(inner("a.example")))
        with concurrent.futures.ThreadPoolExecutor(1) as client:
            answer = client.submit(self.served, hello)
            wait_until(lambda: self.front.counters()["accepted"] == 1, "it is there")
            plain = of_another_client(client_hello("a.example"))
            self.assertEqual(self.served(plain), plain)
            self.ech_end(self.whole)
            self.assertEqual(answer.result(), hello)
        self.front.wait_counted(ech_opened=1, ech_none=1)

    def test_check_says_what_is_wrong(self):
        self.new_key(self.whole)

        def check(text):
            (self.folder / "check.toml").write_text(text)
            done = subprocess.run([SNIPASS, "check", self.folder / "check.toml"], capture_output=True, text=True, check=False)
            return done.returncode, done.stdout + done.stderr

        self.assertEqual(check(self.whole)[0], 0)
        status, told = check(self.whole.replace('names = ["public.example"]', 'names = ["other.example"]'))
        self.assertEqual(status, 2, told)
        self.assertIn('no route has the public name "public.example"', told)
        status, told = check(self.whole.replace(f'{self.folder}/front.sock"\nprotocol = "stream"\nech = "own_keys"', f'{self.folder}/front.sock"'))
        self.assertEqual(status, 0, told)
        self.assertIn('comes to backend "front"', told)
        status, told = check(self.whole.partition("[ech]")[0] + ROUTES + self.backend("a", rest='ech = "own_keys"') + self.backend("front") + self.backend("bare"))
        self.assertEqual(status, 2, told)
        self.assertIn("there is no [ech]", told)


if __name__ == "__main__":
    main()
