# SPDX-License-Identifier: BSL-1.0
"""No client is lost when snipass-tls, or a server in clear behind it, restarts: test_restarts.py, with TLS that ends in snipass-tls.
SNIPASS_LONG=1: the same, for long.

A client may fail only if a process that was killed with -9 had acknowledged it. The router's log has the ACKs of snipass-tls; the
one of snipass-tls has the ends of those whom a server had acknowledged, and a killed server's end with it.
"""
import collections
import contextlib
import datetime
import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import test_restarts  # noqa: E402
from harness import client_programs, main  # noqa: E402
from harness.backend_case import catches, is_gone  # noqa: E402
from harness.places import BUILD  # noqa: E402
from harness.process import wait_until  # noqa: E402
from harness.router import Router  # noqa: E402
from harness.tls_end import PROGRAM, TlsEnd  # noqa: E402

CONFIGURATION = """
[server]
workers = 2
drain_timeout = "20s"
hello_timeout = "30s"
[log]
format = "json"
[[listener]]
address = "127.0.0.1:0"
[tls]
certificates = [{{ chain = "{folder}/cert.pem", key = "{folder}/key.pem" }}]
handoff = "unix:{tls}"
handshake_timeout = "30s"
[backend.site]
tls = "terminate"
plaintext = "{plaintext}"
handoff = "unix:{backend}"
hold = "30s"
{limits}
[default]
backend = "site"
"""
HAPROXY = """
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend site
    bind 127.0.0.1:8080
    http-request return status 200 content-type text/plain lf-string "client: %[src]:%[src_port]\\n"
"""
NODE = """
const server = require('http').createServer((request, response) => response.end(
    `client: ${request.socket.remoteAddress}:${request.socket.remotePort}\\n`)).listen(8080, '127.0.0.1');
process.on('SIGTERM', () => server.close());
"""
PYTHON = """
import http.server, signal, threading
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"client: %s:%d\\n" % (self.client_address[0].encode(), self.client_address[1])
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
class Server(http.server.ThreadingHTTPServer):
    daemon_threads, request_queue_size = False, 1024
server = Server(("127.0.0.1", 8080), Handler)
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
server.serve_forever()
server.server_close()
"""


class InClear(test_restarts.Server):
    """A server that speaks plain HTTP, under snipass-run."""
    can_be_upgraded = False

    def command(self):
        return [BUILD / "snipass-run", self.case.socket, "--listen", "127.0.0.1:8080", "--", *self.server_command()]

    def acknowledged(self, router):
        found = collections.defaultdict(list)
        for line in self.case.tls.events:
            if line.get("outcome") == "handed_off":
                ended = datetime.datetime.fromisoformat(line["time"].replace("Z", "+00:00")).timestamp()
                # Its server's end may be two seconds old, where the machine is slow.
                found[line["client"]].append((ended - min(line["duration_us"] / 1e6, 2), None))
        return found

    def kill(self):
        super().kill()
        self.case.tls.counters()  # it has had the time to see that its clients' server is gone


class Nginx(InClear, test_restarts.Nginx):
    can_be_upgraded = True
    port, listen = "8080", "listen 8080; listen [::]:8080;"
    command = test_restarts.Nginx.command


class HAProxy(InClear):
    can_be_upgraded = True

    def server_command(self):
        configuration = self.case.folder / "haproxy.cfg"
        configuration.write_text(HAPROXY)
        return ["/usr/sbin/haproxy", "-W", "-f", configuration]

    def workers(self):
        return set(Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split())

    def signal(self, number):
        os.killpg(self.process.pid, number)

    def stop(self):
        self.process.send_signal(signal.SIGUSR1)
        self.process.wait(60)

    def kill(self):
        workers = self.workers()
        self.signal(signal.SIGKILL)
        wait_until(lambda: all(is_gone(pid) for pid in workers), "its workers to be dead")
        super().kill()

    def upgrade(self):
        # HAProxy's master misses a signal that comes before it has finished its own start.
        wait_until(lambda: catches(self.process.pid, signal.SIGUSR2), "the master to be ready")
        old = self.workers()
        self.process.send_signal(signal.SIGUSR2)
        wait_until(lambda: self.workers() and not old & self.workers(), "another worker", 60)


class Node(InClear):
    def server_command(self):
        return ["node", "-e", NODE]


class Python(InClear):
    def server_command(self):
        return [sys.executable, "-c", PYTHON]


class Library(InClear):
    def command(self):
        return client_programs.library_server(self.case.socket, "/dev/null")


class SnipassTls(test_restarts.ByRoutersLog):
    """What ends the TLS, in front of a server that stays."""
    can_be_upgraded = False

    def __init__(self, case):
        self.file = case.folder / "tls.toml"
        self.file.write_text(case.text(tls=case.socket, backend=case.folder / "back.sock"))
        case.start(*client_programs.library_server(case.folder / "back.sock", "/dev/null"), log="library.log")
        case.wait_for_socket(case.folder / "back.sock")
        super().__init__(case)

    def command(self):
        return [PROGRAM, "run", "--config", self.file]


class TlsRestarts(test_restarts.Restarts):
    plaintext = "relay"
    test_a_backend_that_logs_its_acks = test_a_second_router = None

    def text(self, tls, backend):
        return CONFIGURATION.format(folder=self.folder, tls=tls, backend=backend, plaintext=self.plaintext, limits=test_restarts.BACKEND)

    @contextlib.contextmanager
    def site(self):
        """For each kind of server a router; where it is not what restarts, a snipass-tls."""
        if not isinstance(self.server, SnipassTls):
            self.file_text = self.text(self.folder / "tls.sock", self.socket)
            self.tls = self.keep(TlsEnd(self.folder, self.file_text))
        else:
            self.tls, self.file_text = None, self.server.file.read_text()
        router = self.keep(Router(self.folder, self.file_text))
        router.address = ("127.0.0.1", router.port())
        yield router
        for one in filter(None, (router, self.tls)):
            one.terminate()  # then all of its lines are there

    def test_snipass_tls(self):
        self.check(SnipassTls)

    def test_nginx(self):
        self.check(Nginx)

    def test_haproxy(self):
        self.check(HAProxy)

    def test_node(self):
        self.check(Node)

    def test_python(self):
        self.check(Python)

    def test_libsnipass(self):
        self.check(Library)


if __name__ == "__main__":
    main()
