#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Clients of all kinds at snipass-tls, each with TLS 1.2 and 1.3: several requests on one connection, by HTTP/1.1 and HTTP/2, to
an nginx that speaks no TLS; WebSocket messages to a server that speaks none either."""

import base64
import hashlib
import os
import re
import shutil
import subprocess
import unittest

from harness import Case, chromium, client_programs, curl, main, nginx, python_tls, read_exactly
from harness.process import DEADLINE
from harness.tls_end import TlsSite

NGINX = """
    access_log off; default_type text/plain;
    server {{
        listen 8080; listen 8081 http2;
        location = / {{ return 200 "request $connection_requests by $server_protocol for $remote_addr:$remote_port\\n"; }}
        location = /page {{ default_type text/html; return 200 '{page}'; }}
    }}
"""
# A browser opens connections as it likes, and asks for what it likes: some of six requests share one.
PAGE = """<pre id=said></pre><script>
for (var i = 0; i < 6; i++) { var asked = new XMLHttpRequest(); asked.open("GET", "/", false); asked.send();
    document.getElementById("said").append(asked.responseText); }
</script>"""
H2_BACKEND = """
[[route]]
names = ["two.w.example"]
alpn = ["h2"]
backend = "two"
[backend.two]
tls = "terminate"
handoff = "unix:{folder}/two.sock"
plaintext = "{plaintext}"
alpn = ["h2"]
"""
HTTP1, HTTP2 = "HTTP/1.1", "HTTP/2.0"
NAMES = {HTTP1: "a.example", HTTP2: "two.w.example"}
VERSIONS = ("1.2", "1.3")
ANSWER = re.compile(r"request (\d+) by (\S+) for (127\.0\.0\.1:\d+)")


def h2_request(name):
    """The preface, SETTINGS, and a GET for /, in fields that stand in HPACK's static table."""
    authority = name.encode()
    fields = b"\x82\x84\x87\x41" + bytes([len(authority)]) + authority
    return b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\x04\0\0\0\0\0", \
        lambda stream: len(fields).to_bytes(3, "big") + b"\x01\x05" + stream.to_bytes(4, "big") + fields


class TlsClients(TlsSite, Case):
    def site(self, rest=""):
        return self.both(self.of_socket(f"{DEADLINE:.0f}s"), rest, server=f'handshake_timeout = "{DEADLINE:.0f}s"\n').port()

    def nginx(self):
        configuration = self.folder / "nginx.conf"
        configuration.write_text(nginx.configuration(self.folder, NGINX.format(page=PAGE), "daemon off; user root; master_process off;"))
        self.unmodified("/usr/sbin/nginx", "-p", self.folder, "-e", self.folder / "error.log", "-c", configuration, listen="8080", two="8081")
        return self.site(H2_BACKEND.format(folder=self.folder, plaintext=self.plaintext))

    def each(self, ask, protocols=(HTTP1, HTTP2)):
        """ask(port, name, TLS version, protocol) -> what was answered to a client that asked several times."""
        port = self.nginx()
        for protocol in protocols:
            for version in VERSIONS:
                with self.subTest(protocol=protocol, version=version):
                    said = ask(port, NAMES[protocol], version, protocol)
                    found = ANSWER.findall(said)
                    self.assertGreaterEqual(len(found), 2, said)
                    self.assertEqual({by for _, by, _ in found}, {protocol}, said)
                    self.assertGreaterEqual(max(int(number) for number, _, _ in found), 2, said)
                    for line in self.lines_of({client for _, _, client in found}):
                        self.assertEqual((line["outcome"], line["tls"], line["plaintext"]), ("handed_off", f"TLSv{version}", self.plaintext))
                        self.assertIn(line.get("chosen"), (None, "http/1.1") if protocol == HTTP1 else ("h2",))

    def lines_of(self, clients):
        """What snipass-tls has logged of them."""
        def all_of_them(tls):
            lines = [line for line in tls.events if line.get("event") == "session" and line["client"] in clients]
            return lines if len(lines) == len(clients) else None
        return self.tls.wait_for(all_of_them, f"a line for each of {clients}")

    def test_curl(self):
        def ask(port, name, version, protocol):
            options = ["--http1.1" if protocol == HTTP1 else "--http2", f"--tlsv{version}", "--tls-max", version]
            return curl(port, name, self.a, *options, f"https://{name}/", f"https://{name}/").output
        self.each(ask)

    def talk(self, command, parts):
        """A program that sends what it is told to: each part once the one before is answered."""
        program = self.run_program(command, stdin=subprocess.PIPE)
        for number, part in enumerate(parts, 1):
            program.process.stdin.write(part)
            program.process.stdin.flush()
            program.wait_for(lambda me, number=number: len(ANSWER.findall("\n".join(me.lines))) >= number, f"answer {number}")
        program.stop()
        return "\n".join(program.lines)

    @staticmethod
    def requests(name, protocol, count=3):
        if protocol == HTTP1:
            return [f"GET / HTTP/1.1\r\nHost: {name}\r\n\r\n".encode()] * count
        preface, request = h2_request(name)
        return [preface + request(1), *(request(2 * number + 1) for number in range(1, count))]

    def test_openssl_s_client(self):
        def ask(port, name, version, protocol):
            return self.talk(["openssl", "s_client", "-quiet", "-connect", f"127.0.0.1:{port}", "-servername", name, "-CAfile", self.a,
                              "-verify_return_error", "-alpn", "http/1.1" if protocol == HTTP1 else "h2",
                              f"-tls{version.replace('.', '_')}"], self.requests(name, protocol))
        self.each(ask)

    def test_gnutls_cli(self):
        def ask(port, name, version, protocol):
            return self.talk(["gnutls-cli", "--x509cafile", self.a, "--sni-hostname", name, "--verify-hostname", name, "-p", port,
                              "--priority", f"NORMAL:-VERS-ALL:+VERS-TLS{version}", "127.0.0.1"], self.requests(name, protocol))
        self.each(ask, [HTTP1])  # it sends lines, up to a zero byte

    def test_go(self):
        program = client_programs.go()

        def ask(port, name, version, protocol):
            return subprocess.run([program, "-port", str(port), "-name", name, "-ca", self.a, "-version", version,
                                   *(["-h2"] if protocol == HTTP2 else [])], capture_output=True, text=True, timeout=2 * DEADLINE, check=True).stdout
        self.each(ask)

    def java(self, port, name, version, what):
        hosts = self.folder / "hosts"
        hosts.write_text(f"127.0.0.1 {name}\n")
        done = subprocess.run(["java", f"-Djdk.net.hosts.file={hosts}", client_programs.JAVA, f"{name}:{port}", self.a, f"TLSv{version}", what],
                              capture_output=True, text=True, timeout=4 * DEADLINE, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    @unittest.skipUnless(shutil.which("javac"), "no JDK here (Debian: default-jdk-headless)")
    def test_java(self):
        self.each(lambda port, name, version, protocol: self.java(port, name, version, "HTTP_1_1" if protocol == HTTP1 else "HTTP_2"))

    @unittest.skipUnless(shutil.which("chromium"), "no chromium here")
    def test_chromium(self):
        def ask(port, name, version, protocol):
            trusted = f"--ignore-certificate-errors-spki-list={self.key_hash(self.a)}"
            limits = [] if version == "1.3" else ["--ssl-version-max=tls1.2"]
            return chromium(port, name, self.a, trusted, *limits, *(["--disable-http2"] if protocol == HTTP1 else []), path="/page").output
        self.each(ask)

    @staticmethod
    def key_hash(certificate):
        key = subprocess.run(["openssl", "x509", "-in", certificate, "-pubkey", "-noout"], capture_output=True, check=True).stdout
        der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=key, capture_output=True, check=True).stdout
        return base64.b64encode(hashlib.sha256(der).digest()).decode()

    def web_sockets(self):
        self.unmodified(*client_programs.WEBSOCKET_ECHO, "8080")
        return self.site()

    def test_web_socket(self):
        port = self.web_sockets()
        with python_tls(port, "a.example", self.a, alpn=("http/1.1",)) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: a.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                           b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += client.recv(1)
            self.assertIn(b" 101 ", head)
            self.assertIn(b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", head)  # RFC 6455, 1.3
            for size, length in ((5, b"\x05"), (7_000, b"\x7e\x1b\x58"), (70_000, b"\x7f" + (70_000).to_bytes(8, "big"))):
                data = os.urandom(size)
                client.sendall(b"\x82" + bytes([length[0] | 128]) + length[1:] + bytes(4) + data)  # masked with zeros
                self.assertEqual(read_exactly(client, 1 + len(length) + size), b"\x82" + length + data)
            client.sendall(b"\x88\x82\0\0\0\0\x03\xe8")
            self.assertEqual(read_exactly(client, 4), b"\x88\x02\x03\xe8")
            self.assertEqual(client.recv(1), b"")

    @unittest.skipUnless(shutil.which("javac"), "no JDK here (Debian: default-jdk-headless)")
    def test_web_socket_in_java(self):
        port = self.web_sockets()
        for version in VERSIONS:
            said = self.java(port, "a.example", version, "WEB_SOCKET")
            self.assertEqual(said, "".join(f"echoed {size}: true\n" for size in (1, 125, 126, 65_536, 300_000)))


if __name__ == "__main__":
    main()
