# SPDX-License-Identifier: BSL-1.0
"""What a stranger can make the router hold, and for how long: each bound, and its outcome."""

import os
import resource
import time

import harness
from harness import Case, client_hello, read_all, read_exactly, unless_sanitized, wait_until

HELLO = client_hello("blog.example.com")


def head(server, log=""):
    return f"""
[server]
workers = 1
{server}
[log]
format = "json"
{log}
[[listener]]
address = "127.0.0.1:0"
[[route]]
names = ["blog.example.com"]
backend = "blog"
"""


class Bounds(Case):
    def start_router(self, server, **options):
        return self.router(self.backend("blog"), head=head(server), **options)

    def outcome(self, router, client):
        address, port = client.getsockname()
        return router.session(client=f"{address}:{port}")["outcome"]

    def test_a_health_check_is_counted_and_not_logged(self):
        router = self.start_router('hello_timeout = "60s"')
        for sent in (b"", HELLO[:3]):
            client = self.connect(router, sent)
            name = f"127.0.0.1:{client.getsockname()[1]}"
            client.close()
        router.session(client=name)  # the second, so the first is over
        self.assertEqual(len(router.sessions()), 1)
        self.assertEqual(router.counters()["client_closed"], 2)

    def test_hello_timeout(self):
        router = self.start_router('hello_timeout = "300ms"')
        for sent in (b"", HELLO[:3], HELLO[:-1]):
            with self.subTest(sent=len(sent)):
                client = self.connect(router, sent)
                self.assertEqual(read_all(client)[0], b"")
                self.assertEqual(self.outcome(router, client), "hello_timeout")

    def test_trickling_does_not_extend_the_deadline(self):
        router = self.start_router('hello_timeout = "500ms"')
        client = self.connect(router)
        try:
            for byte in HELLO:
                client.sendall(bytes([byte]))
                time.sleep(0.01)
            self.fail("it was let trickle to the end")
        except OSError:
            pass
        self.assertEqual(self.outcome(router, client), "hello_timeout")

    def test_hello_max(self):
        receiver = self.receiver("blog", serve="raw")
        router = self.start_router('hello_max = "2KiB"')
        body = len(HELLO) - 5 - 4
        for size, outcome in ((2048, "handed_off"), (2049, "malformed")):
            with self.subTest(size=size):
                client = self.connect(router, padded(size))
                self.assertEqual(self.outcome(router, client), outcome)
        self.assertGreater(2048, body)
        self.assertEqual(len(receiver.taken()), 1)

    def test_a_large_hello_in_small_records(self):
        self.receiver("blog", serve="raw")
        router = self.start_router('hello_timeout = "60s"')
        message = padded(65_536)
        message = b"".join(message[at + 5:at + 5 + int.from_bytes(message[at + 3:at + 5], "big")] for at in record_starts(message))
        for size in (1, 100, 16_384):
            with self.subTest(record=size):
                sent = b"".join(record(message[at:at + size]) for at in range(0, len(message), size))
                client = self.connect(router, b"")
                client.settimeout(60)
                client.sendall(sent)
                self.assertEqual(self.outcome(router, client), "handed_off")

    def test_the_oldest_is_shed_first(self):
        self.receiver("blog", serve="raw")
        router = self.start_router('hello_timeout = "60s"\nmax_waiting = 5')
        clients = []
        for number in range(5):
            clients.append(self.connect(router, HELLO[:10]))
            wait_until(lambda n=number: router.descriptor_count() == router.descriptors_at_start + n + 1, "it waits")
        clients.append(self.connect(router, HELLO[:10]))
        self.assertEqual(read_all(clients[0])[0], b"")
        self.assertEqual(self.outcome(router, clients[0]), "shed")
        clients[1].sendall(HELLO[10:])  # the second oldest still waits, and is served
        self.assertEqual(read_exactly(clients[1], len(HELLO)), HELLO)
        self.assertEqual(len(router.sessions(outcome="shed")), 1)
        for client in clients:
            client.close()

    def test_one_source_sheds_its_own_only(self):
        self.receiver("blog", serve="raw")
        router = self.start_router('hello_timeout = "60s"\nmax_waiting_per_source = 3')
        victim = self.connect(router, HELLO[:10], source="127.0.0.9")
        flood = [self.connect(router, HELLO[:10], source="127.0.0.8") for _ in range(10)]
        lines = router.sessions(7, outcome="shed_source")
        self.assertTrue(all(line["client"].startswith("127.0.0.8:") for line in lines), lines)
        victim.sendall(HELLO[10:])
        self.assertEqual(read_exactly(victim, len(HELLO)), HELLO)
        for client in flood:
            client.close()

    def test_idle_and_trickling_clients_cost_no_time(self):
        router = self.start_router('hello_timeout = "60s"')
        clients = [self.connect(router, HELLO[:sent]) for sent in (0, 1, 3, 5, 6, 100) for _ in range(20)]
        wait_until(lambda: router.descriptor_count() >= router.descriptors_at_start + 100, "they wait")
        before = router.cpu_ticks()
        time.sleep(1)  # a process that spins would use 100 ticks in this time
        self.assertLess(router.cpu_ticks() - before, 20)
        for client in clients:
            client.close()

    def test_a_client_that_leaves_is_noticed(self):
        router = self.router(self.backend("blog"), head=head('hello_timeout = "60s"', "empty = true"))
        for sent in (b"", HELLO[:3], HELLO[:-1]):
            with self.subTest(sent=len(sent)):
                client = self.connect(router, sent)
                name = f"127.0.0.1:{client.getsockname()[1]}"
                client.close()
                self.assertEqual(router.session(client=name)["outcome"], "client_closed")

    @unless_sanitized
    def test_out_of_descriptors_the_listener_pauses_and_recovers(self):
        self.receiver("blog", serve="raw")
        router = self.start_router('hello_timeout = "60s"')
        used = router.descriptor_count()
        soft, hard = resource.prlimit(router.pid, resource.RLIMIT_NOFILE)
        every = len(os.listdir(f"/proc/{router.pid}/fd"))  # those that descriptor_count leaves out, too
        resource.prlimit(router.pid, resource.RLIMIT_NOFILE, (every + 10, hard))
        waiting = [self.connect(router, HELLO[:10]) for _ in range(9)]
        wait_until(lambda: router.descriptor_count() >= used + 9, "nine wait")
        more = [self.connect(router, HELLO) for _ in range(30)]
        before = router.cpu_ticks()
        time.sleep(1)
        self.assertLess(router.cpu_ticks() - before, 30, "it spins at the limit")
        for client in waiting:
            client.close()
        resource.prlimit(router.pid, resource.RLIMIT_NOFILE, (soft, hard))
        for client in more:
            self.assertEqual(read_exactly(client, len(HELLO)), HELLO)


def record(payload):
    return b"\x16\x03\x01" + len(payload).to_bytes(2, "big") + payload


def record_starts(stream):
    at = 0
    while at < len(stream):
        yield at
        at += 5 + int.from_bytes(stream[at + 3:at + 5], "big")


def padded(size):
    """A hello for blog.example.com whose handshake message has `size` bytes, by a padding extension (RFC 7685), in as many
    records as that takes."""
    message = HELLO[5:]
    at = 4 + 2 + 32
    at += 1 + message[at]
    at += 2 + int.from_bytes(message[at:at + 2], "big")
    at += 1 + message[at]
    fixed, extensions = message[4:at], message[at + 2:]
    # OpenSSL may have padded already; a second extension of the same type would be refused.
    kept, rest = b"", extensions
    while rest:
        length = 4 + int.from_bytes(rest[2:4], "big")
        if rest[:2] != b"\0\x15":
            kept += rest[:length]
        rest = rest[length:]
    padding = size - 4 - len(fixed) - 2 - len(kept) - 4
    extensions = kept + b"\0\x15" + padding.to_bytes(2, "big") + bytes(padding)
    body = fixed + len(extensions).to_bytes(2, "big") + extensions
    message = b"\1" + len(body).to_bytes(3, "big") + body
    assert len(message) == size
    return b"".join(record(message[i:i + 16_384]) for i in range(0, size, 16_384))


if __name__ == "__main__":
    harness.main()
