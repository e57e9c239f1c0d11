# SPDX-License-Identifier: BSL-1.0
"""Clients that come one after the other while a test does something to those who serve them."""

import http.client
import threading

from .process import wait_until


class Load:
    """Each of some threads calls visit(), again and again, until the `with` block ends or a visit fails."""

    def __init__(self, visit, threads):
        self.failures, self.served, self._stopped = [], 0, threading.Event()
        self._visit, self._lock = visit, threading.Lock()
        self._threads = [threading.Thread(target=self._work) for _ in range(threads)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        self.wait_for_more(1)
        return self

    def __exit__(self, *_):
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def wait_for_more(self, count):
        wanted = self.served + count
        wait_until(lambda: self.served >= wanted or self.failures, f"{count} more clients to be served", 60)

    def _work(self):
        while not self._stopped.is_set():
            try:
                self._visit()
                with self._lock:
                    self.served += 1
            except (OSError, AssertionError, http.client.HTTPException) as error:
                with self._lock:
                    self.failures.append(repr(error))
