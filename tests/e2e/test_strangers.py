# SPDX-License-Identifier: BSL-1.0
"""What a stranger's first bytes can cost: nothing is allocated for what they announce, what cannot become a hello is refused
at once, and a client that fills its window escapes neither the deadline nor costs time."""

import contextlib
import fcntl
import os
import socket
import struct
import subprocess
import sys

import harness
from harness import Case, read_all, unless_sanitized, wait_until

HEAD = """
[server]
workers = 1
hello_timeout = "{timeout}"
max_waiting_per_source = 20000
[log]
format = "json"
[[listener]]
address = "127.0.0.1:0"
[[route]]
names = ["blog.example.com"]
backend = "blog"
"""
SMALL_WINDOW = "SNIPASS_TEST_SMALL_WINDOW"


def record_header(size, kind=22, version=0x0301):
    return struct.pack("!BHH", kind, version, size)


def message_header(size, kind=1):
    return bytes([kind]) + size.to_bytes(3, "big")


class Strangers(Case):
    def start_router(self, timeout):
        return self.router(self.backend("blog"), head=HEAD.format(timeout=timeout))

    def outcome(self, router, client):
        address, port = client.getsockname()
        return router.session(client=f"{address}:{port}")["outcome"]

    def test_impossible_beginnings_are_refused_at_once(self):
        # If one of them waited for more, it would wait longer than the test does.
        router = self.start_router("1h")
        beginnings = {
            "a record of 65,535 bytes": record_header(65_535),
            "a record of 2^14 + 1 bytes": record_header(16_385),
            "a record of over 2^14 bytes, by its length's first byte": record_header(16_641)[:4],
            "an empty record": record_header(0),
            "a message over hello_max": record_header(100) + message_header(65_533),
            "a message over hello_max, by its length's first byte": record_header(100) + message_header(1 << 17)[:2],
            "a message too short to be a hello": record_header(100) + message_header(40),
            "a record that holds more than its message": record_header(500) + message_header(400),
            "another message": record_header(100) + b"\x02",
            "another record": record_header(100, kind=23)[:2],
            "another record behind the first": record_header(10) + message_header(200) + bytes(6) + b"\x17",
        }
        for what, sent in beginnings.items():
            with self.subTest(what):
                client = self.connect(router, sent)
                self.assertEqual(read_all(client), (b"", "fin"))
                self.assertEqual(self.outcome(router, client), "malformed")

    def test_the_largest_possible_beginnings_are_waited_for(self):
        router = self.start_router("300ms")
        for sent in (record_header(16_384), record_header(100) + message_header(65_532)):
            client = self.connect(router, sent)
            self.assertEqual(self.outcome(router, client), "hello_timeout")

    @unless_sanitized
    def test_nothing_is_allocated_for_what_is_announced(self):
        router = self.start_router("1h")
        announced = record_header(16_384) + message_header(65_532)
        for _ in range(50):
            self.connect(router, announced)  # what is allocated once
        router.wait_descriptors(router.descriptors_at_start + 50)
        before = router.memory()
        clients = [self.connect(router, announced) for _ in range(1_000)]
        router.wait_descriptors(router.descriptors_at_start + 1_050)
        each = (router.memory() - before) / len(clients)
        print(f"a client that announced 65,536 bytes and sent 9: {each:.0f} bytes")
        self.assertLessEqual(each, 1_536)

        before = router.memory()
        for _ in range(1_000):
            client = self.connect(router, record_header(65_535))
            self.assertEqual(read_all(client)[0], b"")
            client.close()
        self.assertLess(router.memory() - before, 256 * 1024)

    def test_a_client_that_fills_its_window_does_not_stay(self):
        as_root = [] if os.geteuid() == 0 else ["--map-root-user"]
        run = subprocess.run(["unshare", *as_root, "--net", sys.executable, __file__, "SmallWindow"],
                             env={**os.environ, SMALL_WINDOW: "1"}, capture_output=True, text=True, check=False)
        if run.stderr.startswith("unshare:"):
            self.skipTest(run.stderr.strip())
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)


class SmallWindow(Case):
    """Run by test_a_client_that_fills_its_window_does_not_stay, in a network namespace of its own, whose receive buffers have no room for the client's hello: the kernel calls the
    socket readable at once, whatever it is asked to wait for."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with socket.socket() as any_socket:
            SIOCSIFFLAGS, IFF_UP = 0x8914, 1
            fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
        with open("/proc/sys/net/ipv4/tcp_rmem", "w", encoding="ascii") as sysctl:
            sysctl.write("4096 65536 65536")

    def test_the_deadline_holds_and_no_time_is_spent(self):
        router = self.router(self.backend("blog"), head=HEAD.format(timeout="3s"))
        client = self.connect(router)
        client.setblocking(False)
        message = message_header(65_532) + bytes(65_532)
        hello = b"".join(record_header(1) + message[i:i + 1] for i in range(len(message)))
        before = router.cpu_ticks()

        def is_over():
            nonlocal hello
            with contextlib.suppress(OSError):  # no room, or cut off
                hello = hello[client.send(hello):]
            return router.sessions()

        wait_until(is_over, "the session ends")
        self.assertEqual(router.session()["outcome"], "hello_timeout")
        self.assertLess(router.cpu_ticks() - before, 100)  # of 300 and more, if it never rested


if SMALL_WINDOW not in os.environ:
    del SmallWindow
if __name__ == "__main__":
    harness.main()
