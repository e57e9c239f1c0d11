# SPDX-License-Identifier: BSL-1.0
"""Clients: the real ones (curl, openssl s_client, gnutls-cli, Python's ssl) and the bytes of a real ClientHello."""

import json
import os
import socket
import ssl
import subprocess
import tempfile
import threading
import time

from .process import DEADLINE

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


class Answer:
    """What a client got: `body` is the backend's report if it answered."""

    def __init__(self, result):
        self.status = result.returncode
        self.output = result.stdout.decode(errors="replace")
        self.messages = result.stderr.decode(errors="replace")

    @property
    def body(self):
        start = self.output.find('{"backend"')
        if start < 0:
            raise AssertionError(f"no answer; exit status {self.status}\n{self.output}\n{self.messages}")
        return json.JSONDecoder().raw_decode(self.output[start:])[0]

    def __repr__(self):
        return f"status {self.status}: {self.output!r} {self.messages!r}"


def _run(argv, given=None, patience=DEADLINE):
    return Answer(subprocess.run([str(word) for word in argv], input=given, capture_output=True, timeout=patience, check=False))


def curl(port, name, certificate, *options, path="/"):
    return _run(["curl", "-sS", "--max-time", DEADLINE, "--cacert", certificate, "--noproxy", "*",
                 "--connect-to", f"{name}:443:127.0.0.1:{port}", *options, f"https://{name}{path}"])


def s_client(port, name, certificate, *options, given=REQUEST):
    """-ign_eof: the backend's closing ends it, not the end of what it was given."""
    return _run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", name, "-CAfile", certificate,
                 "-verify_return_error", "-ign_eof", *options], given)


def gnutls_cli(port, name, certificate, *options, given=REQUEST):
    # gnutls-cli ends when its input does, so its input stays open until it has said all.
    process = subprocess.Popen(
        [str(word) for word in ("gnutls-cli", "--x509cafile", certificate, "--sni-hostname", name, "--verify-hostname",
                                name, "-p", port, *options, "127.0.0.1")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )
    process.stdin.write(given)
    process.stdin.flush()
    timer = threading.Timer(DEADLINE, process.kill)
    timer.start()
    output = process.stdout.read()
    process.stdin.close()
    process.wait()
    process.stdout.close()
    timer.cancel()
    return Answer(subprocess.CompletedProcess([], process.returncode, output, b""))


def tstclnt(port, name, _certificate):
    """NSS, which is Firefox's TLS; it looks at no certificate here."""
    return _run(["tstclnt", "-D", "-o", "-h", "127.0.0.1", "-p", port, "-a", name], b"")


def chromium(port, name, _certificate, *options, path="/"):
    """It opens connections as it likes, to no host but this one; net_error is in its messages."""
    with tempfile.TemporaryDirectory(prefix="snipass-chromium-", ignore_cleanup_errors=True) as profile:
        return _run(["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                     "--disable-background-networking", "--disable-component-update", "--disable-sync",
                     "--no-proxy-server", f"--user-data-dir={profile}",
                     f"--host-resolver-rules=MAP {name} 127.0.0.1:{port}, MAP * ~NOTFOUND", *options, "--dump-dom", f"https://{name}{path}"],
                    patience=4 * DEADLINE)


def tls_context(certificate, *, alpn=(), maximum=None):
    context = ssl.create_default_context(cafile=str(certificate))
    if alpn:
        context.set_alpn_protocols(list(alpn))
    if maximum:
        context.maximum_version = maximum
    return context


def python_tls(port, name, certificate, *, alpn=(), maximum=None, segment=None, source=None, host="127.0.0.1"):
    """A connected TLS socket. segment: the TCP segment size, for hellos that take several."""
    connection = socket.socket()
    connection.settimeout(DEADLINE)
    if segment:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, segment)
    if source:
        connection.bind((source, 0))
    connection.connect((host, port))
    return tls_context(certificate, alpn=alpn, maximum=maximum).wrap_socket(connection, server_hostname=name)


def client_hello(name="blog.example.com", *, alpn=()):
    """The first bytes that OpenSSL sends for that name; none for None."""
    context = ssl.create_default_context()
    context.check_hostname = False
    if alpn:
        context.set_alpn_protocols(list(alpn))
    outgoing = ssl.MemoryBIO()
    tls = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name)
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def hello_for(name):
    """A ClientHello for a name of any bytes."""
    stand_in = b"x" * len(name)
    hello = client_hello(stand_in.decode())
    assert hello.count(stand_in) == 1
    return hello.replace(stand_in, name)


def of_another_client(hello):
    """The same hello with random bytes of its own, as every client's has: the same ones over and over are a loop."""
    return hello[:11] + os.urandom(32) + hello[43:]


def read_exactly(connection, size):
    """What MSG_WAITALL does not do for a socket with a timeout: that many bytes, or what came before the end."""
    data = b""
    while len(data) < size and (more := connection.recv(size - len(data))):
        data += more
    return data


def read_all(connection):
    """Everything until the end, and how it ended: "fin" or "reset"."""
    data = b""
    while True:
        try:
            more = connection.recv(65536)
        except ConnectionResetError:
            return data, "reset"
        if not more:
            return data, "fin"
        data += more


class Dribble:
    """A TCP relay in front of the router that sends what the client says first in pieces of the given sizes, each a segment of
    its own, so that a real client's hello comes as a slow network brings it."""

    def __init__(self, port, sizes, pause=0.02):
        self._target, self._sizes, self._pause = port, sizes, pause
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._relay, args=(client,), daemon=True).start()

    def _relay(self, client):
        router = socket.create_connection(("127.0.0.1", self._target))
        router.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=self._copy, args=(router, client), daemon=True).start()
        first = client.recv(65536)
        for size in self._sizes:
            if first:
                router.sendall(first[:size])
                first = first[size:]
                time.sleep(self._pause)
        if first:
            router.sendall(first)
        self._copy(client, router)
        router.close()

    @staticmethod
    def _copy(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def stop(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
