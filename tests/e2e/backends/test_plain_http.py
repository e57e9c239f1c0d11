# SPDX-License-Identifier: BSL-1.0
"""Unmodified servers of HTTP in clear, behind a listener for HTTP: nginx, Node and Python under snipass-run."""
import http.client
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from harness import main, nginx  # noqa: E402
from harness.backend_case import MANY, BackendCase  # noqa: E402
from harness.case import HEAD  # noqa: E402
from harness.places import BUILD  # noqa: E402

ROUTE = 'protocol = "http"\n[[route]]\nnames = ["test.example"]\nbackend = "site"\n[backend.site]\nhandoff = "unix:{}"\n'

NGINX = """
    access_log {folder}/access.log;
    server {{
        listen 80;
        location / {{ default_type text/plain; return 200 "client: $remote_addr:$remote_port\\nhost: $host\\npath: $uri\\n"; }}
    }}
"""
NODE = """
require('http').createServer((request, response) => {
    const {remoteAddress, remotePort} = request.socket;
    response.end(`client: ${remoteAddress.replace('::ffff:', '')}:${remotePort}\\nhost: ${request.headers.host}\\npath: ${request.url}\\n`);
}).listen(80);
"""
PYTHON = """
import http.server, socketserver
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = "client: %s:%d\\n" % self.client_address[:2] + f"host: {self.headers['Host']}\\npath: {self.path}\\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())
    def log_message(self, *_): pass
class Threads(socketserver.ThreadingMixIn, http.server.HTTPServer): request_queue_size = 1024; daemon_threads = True
Threads(("127.0.0.1", 80), Handler).serve_forever()
"""


class Served:
    """Tests of any of them. command() is how it is started."""

    def setUp(self):
        super().setUp()
        self.folder.chmod(0o777)
        self.start(BUILD / "snipass-run", self.socket, "--listen", "80", "--", *self.command())
        self.wait_for_socket()
        self.snipass = self.router(ROUTE.format(self.socket), head=HEAD)
        self.address = ("127.0.0.1", self.snipass.port())

    def test_sees_the_clients_own_address_and_keeps_the_connection(self):
        with socket.create_connection(self.address, 20) as client:
            own = "client: {}:{}\n".format(*client.getsockname())
            for path in ("/", "/other"):  # the second one snipass does not see
                self.assertEqual(self.get(client, path), f"{own}host: test.example\npath: {path}\n")
        self.assertEqual(len(self.snipass.sessions(1, outcome="handed_off")), 1)

    def test_many_connections_and_none_lost(self):
        def one(number):
            connection = http.client.HTTPConnection(*self.address, timeout=20)
            try:
                connection.request("GET", f"/{number}", headers={"Host": "test.example"})
                return connection.getresponse().read().decode().endswith(f"path: /{number}\n")
            finally:
                connection.close()

        with ThreadPoolExecutor(16) as pool:
            self.assertEqual(list(pool.map(one, range(MANY))).count(True), MANY)
        self.snipass.wait_counted(handed_off=MANY)


class Nginx(Served, BackendCase):
    def command(self):
        file = self.folder / "nginx.conf"
        file.write_text(nginx.configuration(self.folder, NGINX.format(folder=self.folder), "daemon off; worker_processes 2;"))
        return ["/usr/sbin/nginx", "-p", str(self.folder), "-e", str(self.folder / "error.log"), "-c", str(file)]


class Node(Served, BackendCase):
    def command(self):
        (self.folder / "server.js").write_text(NODE)
        return ["node", str(self.folder / "server.js")]


class Python(Served, BackendCase):
    def command(self):
        (self.folder / "server.py").write_text(PYTHON)
        return [sys.executable, str(self.folder / "server.py")]


if __name__ == "__main__":
    main()
