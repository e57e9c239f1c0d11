# SPDX-License-Identifier: BSL-1.0
"""The router is stopped for a while, as by a snapshot of the machine, the freezer or swap. What has come meanwhile counts more
than the limits that have passed."""

import contextlib
import signal
import socket
import time

import harness
from harness import DEADLINE, Case, client_hello, read_all, read_exactly
from harness.case import HEAD

NAME = "blog.example.com"
HELLO = client_hello(NAME)
ROUTE = f'[[route]]\nnames = ["{NAME}"]\nbackend = "blog"\n'
PAUSE = 4  # seconds: longer than the limits in these files


@contextlib.contextmanager
def stopped(router):
    """The router does nothing from the beginning of the block until a while after its end."""
    router.signal(signal.SIGSTOP)
    try:
        yield
        time.sleep(PAUSE)
    finally:
        router.signal(signal.SIGCONT)


class Pauses(Case):
    def test_the_rest_of_a_hello_that_came_meanwhile_is_heard(self):
        receiver = self.receiver("blog")
        router = self.router(ROUTE + self.backend("blog"), head=HEAD.replace("[log]", 'hello_timeout = "3s"\n[log]'))
        client = self.connect(router, HELLO[:100])
        with stopped(router):
            client.sendall(HELLO[100:])
        self.assertEqual(read_exactly(client, 1), b"\x16")  # its ServerHello
        receiver.wait_for(lambda me: me.reported("taken"), "took the client")

    def test_a_relay_with_unread_bytes_goes_on(self):
        far = socket.create_server(("127.0.0.1", 0))
        far.settimeout(DEADLINE)
        self.addCleanup(far.close)
        router = self.router(ROUTE + f'[backend.blog]\nproxy = ["127.0.0.1:{far.getsockname()[1]}"]\nidle_timeout = "3s"\n')
        client = self.connect(router, HELLO)
        backend, _ = far.accept()
        backend.settimeout(DEADLINE)
        self.addCleanup(backend.close)
        self.assertEqual(read_exactly(backend, len(HELLO)), HELLO)
        with stopped(router):
            client.sendall(b"still here")
        self.assertEqual(read_exactly(backend, 10), b"still here")

    def test_a_relay_that_ends_in_the_time_that_a_stop_gives_it_is_not_cut(self):
        far = socket.create_server(("127.0.0.1", 0))
        far.settimeout(DEADLINE)
        self.addCleanup(far.close)
        router = self.router(ROUTE + f'[backend.blog]\nproxy = ["127.0.0.1:{far.getsockname()[1]}"]\n',
                             head=HEAD.replace("[log]", 'drain_timeout = "3s"\n[log]'))
        client = self.connect(router, HELLO)
        backend, _ = far.accept()
        backend.settimeout(DEADLINE)
        self.addCleanup(backend.close)
        self.assertEqual(read_exactly(backend, len(HELLO)), HELLO)
        router.signal(signal.SIGTERM)
        router.wait_for(lambda me: [e for e in me.events if e.get("message") == "stopping"], "stopping")
        client.shutdown(socket.SHUT_WR)
        with stopped(router):
            backend.sendall(b"answer")
            backend.close()
        self.assertEqual(read_all(client), (b"answer", "fin"))
        self.assertEqual(router.wait(), 0)

    def test_a_held_client_whose_backend_is_back_is_served(self):
        router = self.router(ROUTE + self.backend("blog", rest='hold = "3s"'))
        client = self.connect(router, HELLO)
        router.wait_for(lambda me: [e for e in me.events if e.get("backend") == "blog" and "level" in e], "said that it is away")
        with stopped(router):
            self.receiver("blog")
        self.assertEqual(read_exactly(client, 1), b"\x16")


if __name__ == "__main__":
    harness.main()
