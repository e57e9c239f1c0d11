# SPDX-License-Identifier: BSL-1.0
"""Clients that come at a steady rate, whatever becomes of those before them: each start is scheduled in advance (open loop),
and a client's time counts from then, so that a stall is seen in everybody whom it kept waiting.

    open_loop.py PORT CERTIFICATE RATE

Runs until its standard input ends, then waits for the clients under way and prints one JSON object. Every client makes a full
TLS handshake and one GET, and has to be told its own address.
"""
import json
import socket
import ssl
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

PATIENCE = 40  # s, for one client
AT_ONCE = 2_000


class Clients:
    def __init__(self, port, certificate):
        self.port = port
        self.tls = ssl.create_default_context(cafile=certificate)
        self.lock = threading.Lock()
        self.times, self.failures, self.late = [], [], 0.0

    def run(self, scheduled):
        own = None
        late = time.time() - scheduled
        try:
            with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as raw:
                own = "{}:{}".format(*raw.getsockname())
                with self.tls.wrap_socket(raw, server_hostname="test.example") as connection:
                    connection.sendall(b"GET / HTTP/1.1\r\nHost: test.example\r\nConnection: close\r\n\r\n")
                    answer = b""
                    while more := connection.recv(65536):
                        answer += more
            problem = None if f"client: {own}\n".encode() in answer else f"answer {answer!r}"
        except OSError as error:
            problem = repr(error)
        now = time.time()
        with self.lock:
            self.late = max(self.late, late)
            if problem:
                self.failures.append({"client": own, "started": scheduled, "ended": now, "problem": problem})
            else:
                self.times.append(now - scheduled)


def main(port, certificate, rate):
    clients, ended = Clients(int(port), certificate), threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        start, count = time.time(), 0
        while not ended.is_set():
            scheduled = start + count / float(rate)
            time.sleep(max(0.0, scheduled - time.time()))
            pool.submit(clients.run, scheduled)
            count += 1
        seconds = time.time() - start
    times = sorted(clients.times) or [0.0]
    print(json.dumps({
        "clients": count, "seconds": seconds, "served": len(clients.times), "failures": clients.failures, "latest_start": clients.late,
        "median": times[len(times) // 2], "p99": times[len(times) * 99 // 100], "longest": times[-1],
    }))


if __name__ == "__main__":
    main(*sys.argv[1:])
