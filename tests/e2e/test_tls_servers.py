#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Servers that speak plain HTTP, unmodified, behind snipass-tls: what their clients get, and whom they see."""

import hashlib
import http.client

from harness import Case, client_programs, curl, main, nginx, python_tls, wait_until
from harness.tls_end import TlsSite

LARGE = bytes(range(256)) * 20_000
NGINX = """
    access_log off; tcp_nopush on; sendfile on;
    server {{
        listen 8080;
        root {folder};
        location = / {{ default_type text/plain; return 200 "client: $remote_addr:$remote_port\\nserver: $server_addr:$server_port\\n"; }}
    }}
"""
ALONE = "daemon off; user root; master_process off;"
NODE = """
const large = require('fs').readFileSync(process.argv[1]);
require('http').createServer((request, response) => response.end(request.url === '/large' ? large :
    `client: ${request.socket.remoteAddress}:${request.socket.remotePort}\\n`)).listen(8080, '127.0.0.1');
"""
HAPROXY = """
global
    tune.bufsize 6000000
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend site
    bind 127.0.0.1:8080
    http-request return status 200 content-type application/octet-stream file {folder}/large if {{ path /large }}
    http-request return status 200 content-type text/plain lf-string "client: %[src]:%[src_port]\\n"
"""


class TlsServers(TlsSite, Case):
    def backend_answers(self, port, certificate, own):
        """HTTP/1.1 with keep-alive, a large answer, and the client's own address."""
        with python_tls(port, "a.example", certificate, alpn=("http/1.1",)) as client:
            host, number = client.getsockname()[:2]
            for _ in range(2):
                client.sendall(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
                response = http.client.HTTPResponse(client)
                response.begin()
                self.assertEqual(response.read().decode(), own.format(host=host, port=number))
            client.sendall(b"GET /large HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n")
            response = http.client.HTTPResponse(client)
            response.begin()
            self.assertEqual(hashlib.sha256(response.read()).hexdigest(), hashlib.sha256(LARGE).hexdigest())
            self.assertEqual(client.recv(1), b"")

    def test_nginx_answers_https(self):
        (self.folder / "large").write_bytes(LARGE)
        configuration = self.folder / "nginx.conf"
        configuration.write_text(nginx.configuration(self.folder, NGINX.format(folder=self.folder), ALONE))
        self.unmodified("/usr/sbin/nginx", "-p", self.folder, "-e", self.folder / "error.log", "-c", configuration, listen="8080")
        router = self.both(self.of_socket())
        self.backend_answers(router.port(), self.a, "client: {host}:{port}\nserver: 127.0.0.1:" + str(router.port()) + "\n")
        self.assertNotIn("[alert]", (self.folder / "error.log").read_text())

    def test_nginx_answers_http2(self):
        configuration = self.folder / "nginx.conf"
        configuration.write_text(nginx.configuration(self.folder, NGINX.format(folder=self.folder).replace("listen 8080;", "listen 8080 http2;"), ALONE))
        self.unmodified("/usr/sbin/nginx", "-p", self.folder, "-e", self.folder / "error.log", "-c", configuration, listen="8080")
        router = self.both(self.of_socket() + 'alpn = "h2"\n')
        answer = curl(router.port(), "a.example", self.a, "--http2", "-w", "%{http_version}")
        self.assertRegex(answer.output, r"^client: 127.0.0.1:\d+\n.*\n2$", answer)

    def test_node_answers_https(self):
        (self.folder / "large").write_bytes(LARGE)
        self.unmodified("node", "-e", NODE, self.folder / "large")
        router = self.both(self.of_socket())
        self.backend_answers(router.port(), self.a, "client: {host}:{port}\n")

    def haproxy(self, alpn):
        (self.folder / "large").write_bytes(LARGE)
        configuration = self.folder / "haproxy.cfg"
        configuration.write_text(HAPROXY.format(folder=self.folder))
        self.unmodified("/usr/sbin/haproxy", "-db", "-f", configuration)
        return self.both(self.of_socket() + f"alpn = {alpn}\n").port()

    def test_haproxy_answers_https(self):
        self.backend_answers(self.haproxy('["http/1.1"]'), self.a, "client: {host}:{port}\n")

    def test_haproxy_answers_both_protocols_on_one_listener(self):
        port = self.haproxy('["h2", "http/1.1"]')
        for option, number in (("--http2", "2"), ("--http1.1", "1.1")):
            answer = curl(port, "a.example", self.a, option, "-w", "%{http_version}")
            self.assertRegex(answer.output, rf"^client: 127.0.0.1:\d+\n{number}$", answer)

    def test_a_server_with_libsnipass_answers_https(self):
        large = self.folder / "large"
        large.write_bytes(LARGE)
        self.run_program(client_programs.library_server(self.socket, large))
        wait_until(self.socket.is_socket, "it listens")
        self.backend_answers(self.both(self.of_socket()).port(), self.a, "client: {host}:{port}\n")


if __name__ == "__main__":
    main()
