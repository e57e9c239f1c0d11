# SPDX-License-Identifier: BSL-1.0
"""Thousands of clients that begin a hello and never end it, and a router with hardly any descriptors: real clients are served
all the while.

SNIPASS_LONG=1 tests/e2e/test_slowloris.py takes as many clients as the machine's descriptor limit lets the router hold.
"""

import contextlib
import itertools
import os
import resource
import socket
import struct
import subprocess
import sys
import time

import harness
from harness import Case, Watched, client_hello, curl, is_sanitized, s_client, unless_sanitized, wait_until

NAME = "blog.example.com"
AWAY = "away.example.com"
HEAD = """
[server]
workers = 1
hello_timeout = "1h"
max_waiting = 1000000
max_waiting_per_source = 1000000
[log]
format = "json"
access = false
[[listener]]
address = "127.0.0.1:0"
[[route]]
names = ["blog.example.com"]
backend = "blog"
[[route]]
names = ["away.example.com"]
backend = "away"
"""
BYTES_A_CLIENT = 1_536
WANTED = 19_000 if os.environ.get("SNIPASS_LONG") else 4_000
A_PROCESS = 4_000  # a client process has its own descriptor limit


def sources(process):
    """Addresses of loopback, another for each connection: what the router knows of a source is part of the cost."""
    return (f"127.{process + 1}.{number // 250}.{number % 250 + 1}" for number in range(A_PROCESS))


def hold(port, count, process):
    """The other end: opens the connections, then does what it is told on standard input, for as long as that is open."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    hello = client_hello(NAME)
    half = len(hello) // 2
    connections = []
    for source in itertools.islice(sources(process), count):
        connections.append(socket.create_connection(("127.0.0.1", port), harness.DEADLINE, (source, 0)))
        connections[-1].sendall(hello[:half])
    print("holding", flush=True)
    for number, command in enumerate(sys.stdin):
        for one in connections:
            with contextlib.suppress(OSError):  # shed
                one.sendall(hello[half + number:half + number + 1])
        print("sent", flush=True)


class Flood:
    """Half-sent hellos from several processes, each from a source address of its own."""

    def __init__(self, case, port, count):
        self._holders = []
        for number, first in enumerate(range(0, count, A_PROCESS)):
            self._holders.append(case.keep(Watched(
                [sys.executable, __file__, "hold", port, min(A_PROCESS, count - first), number],
                stdin=subprocess.PIPE)))
        self._wait_for("holding", 1)

    def _wait_for(self, word, count):
        for one in self._holders:
            one.wait_for(lambda me: me.lines.count(word) >= count, word)

    def trickle(self, bytes_each):
        for number in range(bytes_each):
            for one in self._holders:
                one.process.stdin.write(b"\n")
                one.process.stdin.flush()
            self._wait_for("sent", number + 1)

    def leave(self):
        for one in self._holders:
            one.process.stdin.close()
            one.wait()


def descriptors(router):
    return len(os.listdir(f"/proc/{router.pid}/fd"))


class Slowloris(Case):
    def serve_some(self, router, count, clients=(s_client,)):
        """Real clients, one after the other; the longest that one took, in seconds."""
        longest = 0
        for number in range(count):
            began = time.monotonic()
            answer = clients[number % len(clients)](router.port(), NAME, self.certificate)
            self.assertEqual(answer.body["backend"], "blog", answer)
            longest = max(longest, time.monotonic() - began)
        return longest

    def start_router(self, **options):
        self.receiver("blog")
        return self.router(self.backend("blog") + self.backend("away", rest='hold = "1h"'), head=HEAD, **options)

    def test_thousands_wait_cheaply_and_real_clients_are_served(self):
        router = self.start_router()
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = hard - hard // 20 - 64  # the router keeps its own descriptors, and a twentieth for clients on their way to a backend
        count = min(WANTED, most)
        warm_up = Flood(self, router.port(), 100)
        self.serve_some(router, 2)
        wait_until(lambda: descriptors(router) >= 100, "100 wait")
        warm_up.leave()
        router.wait_descriptors(router.descriptors_at_start)

        idle, before = descriptors(router), router.memory()
        flood = Flood(self, router.port(), count)
        wait_until(lambda: descriptors(router) == idle + count, f"{count} wait", 120)
        each = (router.memory() - before) / count
        longest = self.serve_some(router, 10)
        ticks = router.cpu_ticks()
        flood.trickle(3)
        trickled = (router.cpu_ticks() - ticks) * 1_000_000 / os.sysconf("SC_CLK_TCK") / (3 * count)
        longest = max(longest, self.serve_some(router, 5))
        self.assertEqual(descriptors(router), idle + count, "all of them wait still")
        print(f"{count} half-sent hellos{f' (of {WANTED}: the descriptor limit is {hard})' if count < WANTED else ''}: "
              f"{each:.0f} bytes each, {trickled:.1f} us for a byte more; openssl s_client took {longest * 1000:.0f} ms at most")
        if not is_sanitized():
            self.assertLessEqual(each, BYTES_A_CLIENT)
        flood.leave()

    @unless_sanitized
    def test_sixty_four_descriptors_are_enough_to_serve_through_a_flood(self):
        router = self.start_router(prefix=("prlimit", "--nofile=64:64"))
        flood = Flood(self, router.port(), 500)
        self.serve_some(router, 8, (s_client, curl))
        flood.leave()
        self.serve_some(router, 2, (s_client, curl))

    @unless_sanitized
    def test_out_of_descriptors_it_rests_and_recovers(self):
        """The descriptors are taken by clients that are not shed: they said all, their backend is away, and they are few."""
        router = self.start_router()
        held = [self.connect(router, client_hello(AWAY)) for _ in range(10)]
        router.wait_counted(accepted=10)
        soft, hard = resource.prlimit(router.pid, resource.RLIMIT_NOFILE)
        most = descriptors(router)
        resource.prlimit(router.pid, resource.RLIMIT_NOFILE, (most, hard))
        self.addCleanup(resource.prlimit, router.pid, resource.RLIMIT_NOFILE, (soft, hard))
        held += [self.connect(router, client_hello(AWAY), source="127.0.0.2") for _ in range(10)]
        router.wait_for(lambda me: [e for e in me.events if "out of file descriptors" in e.get("message", "")], "it says so")
        ticks = router.cpu_ticks()
        time.sleep(2)  # a process that spins would use 200 ticks in this time
        spent = router.cpu_ticks() - ticks
        print(f"{most} descriptors, all taken: {spent * 1000 // os.sysconf('SC_CLK_TCK')} ms of CPU time in 2 s")
        self.assertLess(spent, 40, "it spins")
        for client in held:  # by a reset: a client that only says that it will send no more is still held
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
        self.serve_some(router, 4, (s_client, curl))


if __name__ == "__main__":
    if sys.argv[1:2] == ["hold"]:
        hold(int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
    else:
        harness.main()
