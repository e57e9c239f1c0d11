# SPDX-License-Identifier: BSL-1.0
"""What the tests of backends share: a folder that servers of other users can read, processes that are gone afterwards, a client."""
import contextlib
import http.client
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .case import Case
from .load import Load
from .places import certificates
from .process import DEADLINE, wait_until

# Connections of a load test. SNIPASS_LONG=1 for the long version.
MANY = 10_000 if os.environ.get("SNIPASS_LONG") else 300


def descriptors(pid):
    """What the process holds, without what it opens while one looks (epoll wake-ups, logs are there from the start)."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def is_gone(pid):
    """It is no more, with all of its threads, or was not waited for yet by whoever inherited it."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        return state == "Z" and len(os.listdir(f"/proc/{pid}/task")) == 1
    except (FileNotFoundError, ProcessLookupError):
        return True


def catches(pid, sig):
    """The process has a handler for the signal."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("SigCgt:")[1].split()[0], 16) >> (sig - 1) & 1


def settled(measure, pause=0.2):
    """The value of a measure that has stopped changing: a server has finished starting."""
    value = measure()
    while True:
        time.sleep(pause)
        before, value = value, measure()
        if value == before:
            return value


def can_connect(path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        with contextlib.suppress(OSError):
            s.connect(str(path))
            return True
    return False


class BackendCase(Case):
    def setUp(self):
        super().setUp()
        for folder in (self.class_folder, self.folder):
            folder.chmod(0o755)  # servers that drop root must get to their files
        for name in ("cert.pem", "key.pem", "both.pem"):
            shutil.copy(certificates() / name, self.folder)
            (self.folder / name).chmod(0o644)
        self.certificate, self.key = self.folder / "cert.pem", self.folder / "key.pem"
        self.socket = self.folder / "handoff.sock"
        self.client_tls = ssl.create_default_context(cafile=str(self.certificate))

    def start(self, *command, log="server.log", **options):
        """Starts a server; it is killed with its children, and its log shown if the test failed."""
        output = open(self.folder / log, "ab")
        process = subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                   start_new_session=True, **options)
        output.close()
        self.addCleanup(self.stop, process)
        self.addCleanup(self._show_log, self.folder / log)
        return process

    def stop(self, process, sig=signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sig)
        process.wait(timeout=2 * DEADLINE)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # workers that outlived it

    def _show_log(self, path):
        result = self._outcome.result
        failed = any(getattr(test, "test_case", test) is self for test, _ in result.errors + result.failures)
        if failed and path.exists():
            sys.stderr.write(f"--- {path.name}\n{path.read_text(errors='replace')[-4000:]}\n")

    def wait_for_socket(self, path=None):
        wait_until(lambda: can_connect(path or self.socket), f"a listener at {path or self.socket}")

    def connect(self, address, host_name="test.example", alpn=("http/1.1",), timeout=20.0):
        """A TLS connection to `address`; the handshake is done."""
        tls = self.client_tls
        if alpn:
            tls = ssl.create_default_context(cafile=str(self.certificate))
            tls.set_alpn_protocols(list(alpn))
        raw = socket.create_connection(address, timeout=timeout)
        try:
            return tls.wrap_socket(raw, server_hostname=host_name)
        except BaseException:
            raw.close()
            raise

    def get(self, connection, path="/", host_name="test.example", close=False):
        """One HTTP/1.1 GET on an open connection; the body as text."""
        ending = "Connection: close\r\n" if close else ""
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {host_name}\r\n{ending}\r\n".encode())
        response = http.client.HTTPResponse(connection)
        with response:
            response.begin()
            body = response.read().decode()
        self.assertEqual(response.status, 200, body)
        return body

    def fetch(self, address, path="/", **connect_options):
        """One connection, one GET. Returns the client's own address as text, and the body."""
        with self.connect(address, **connect_options) as connection:
            host, port = connection.getsockname()[:2]
            text = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            return text, self.get(connection, path, close=True)

    def fetch_many(self, address, count=MANY, threads=16, check=lambda own, body: True):
        """`count` connections, each with a TLS handshake and a GET. Returns what went wrong: [] if nothing."""
        failures, lock = [], threading.Lock()

        def one(_):
            try:
                own, body = self.fetch(address, alpn=None)
                problem = None if check(own, body) else f"{own} got {body!r}"
            except (OSError, AssertionError, http.client.HTTPException) as error:
                problem = repr(error)
            if problem:
                with lock:
                    failures.append(problem)

        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(one, range(count)))
        return failures

    def load(self, address, threads=4):
        return Load(lambda: self.fetch(address, alpn=None), threads)
