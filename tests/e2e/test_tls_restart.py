#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""snipass-tls ends and begins again while clients come and go."""

import threading

from harness import Case, main, python_tls, wait_until
from harness.case import HEAD
from harness.tls_end import TlsSite

CLIENTS, RESTARTS = 6, 3


class Restart(TlsSite, Case):
    def test_under_load_nobody_is_lost(self):
        self.receiver("b", serve="raw")
        text = "[server]\ndrain_timeout = \"1s\"\n" + self.text(f'handoff = "unix:{self.socket}"\n', head=HEAD.replace("[server]\n", ""))
        self.tls = self.tls_end(text)
        router = self.router(head=text)
        over, served, lost = threading.Event(), [0] * CLIENTS, []

        def come(number):
            while not over.is_set():
                try:
                    with python_tls(router.port(), "a.example", self.a) as client:
                        client.sendall(b"echo")
                        if client.recv(4) != b"echo":
                            raise EOFError("closed without an answer")
                    served[number] += 1
                except (OSError, EOFError) as problem:
                    lost.append(repr(problem))
        threads = [threading.Thread(target=come, args=[number]) for number in range(CLIENTS)]
        for one in threads:
            one.start()
        long_lived = python_tls(router.port(), "a.example", self.a)
        for _ in range(RESTARTS):
            before = list(served)
            self.assertEqual(self.tls.terminate(), 0)
            self.tls = self.tls_end(text)
            wait_until(lambda before=before: all(now > then + 1 for now, then in zip(served, before)) or lost, "all are served again")
        over.set()
        for one in threads:
            one.join()
        long_lived.close()
        self.assertEqual(lost, [])


if __name__ == "__main__":
    main()
