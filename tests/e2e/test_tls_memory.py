#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""What a client costs snipass-tls in memory whose sides take nothing (docs/tls.md, Bounds)."""

import contextlib
import socket
import ssl
import threading

from harness import DEADLINE, Case, handoff_sender, main, unless_sanitized, wait_until
from harness.case import HEAD
from harness.tls_end import TlsSite

CLIENTS, MOST = 200, 80 << 10


class Memory(TlsSite, Case):
    @unless_sanitized
    def test_a_client_whose_sides_take_nothing_costs_no_more_than_is_said(self):
        listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(listener.close)
        listener.bind(str(self.socket))
        listener.listen(64)
        text = self.text(f'handoff = "unix:{self.socket}"\nhold = "30s"\n', head=HEAD)
        self.tls = self.tls_end(text)
        router = self.router(head=text, compare_descriptors=False)
        ends, clients = [], []

        def serve():
            for _ in range(CLIENTS):
                connection, _ = listener.accept()
                with connection:
                    connection.settimeout(DEADLINE)
                    _, descriptors, _, _ = socket.recv_fds(connection, 4096, 1)
                    connection.sendall(handoff_sender.ACK)
                    connection.recv(1)
                ends.append(socket.socket(fileno=descriptors[0]))
        backend = threading.Thread(target=serve)
        backend.start()
        context = ssl.create_default_context(cafile=str(self.a))
        costs = []
        for few in (1, CLIENTS):  # the first has made what all share
            before = self.tls.memory()
            for _ in range(few - len(clients)):
                raw = socket.socket()
                raw.settimeout(DEADLINE)
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
                raw.connect(("127.0.0.1", router.port()))
                clients.append(context.wrap_socket(raw, server_hostname="a.example"))
            wait_until(lambda few=few: len(ends) == few, "the backend has them")

            def are_full():
                """Nobody has room for anything more, so snipass-tls keeps what it has read."""
                return not [one for one in ends + clients if self.takes_more(one)]
            wait_until(are_full, "both sides are full")
            costs.append((self.tls.memory() - before) / (few - (0 if few == 1 else 1)))
        backend.join()
        for one in ends + clients:
            one.close()
        print(f"{costs[-1]:.0f} bytes for each client")
        self.assertLessEqual(costs[-1], MOST)

    @staticmethod
    def takes_more(one):
        one.setblocking(False)
        taken = 0
        with contextlib.suppress(BlockingIOError, ssl.SSLWantWriteError):
            while True:
                taken += one.send(bytes(65_536))
        return taken > 0


if __name__ == "__main__":
    main()
