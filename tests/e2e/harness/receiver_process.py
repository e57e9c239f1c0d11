# SPDX-License-Identifier: BSL-1.0
"""The process behind Receiver: takes sockets as docs/handoff.md says, serves them, and reports in JSON lines."""

import json
import os
import resource
import selectors
import socket
import ssl
import struct
import sys
import threading

PATH, NAME, CERTIFICATE, KEY, PROTOCOL, SERVE, MANNER, BACKLOG = sys.argv[1:]
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
ACK = b"\x06"
TLV_NAMES = {1: "alpn", 2: "authority", 5: "unique_id", 0x20: "ssl", 0xE2: "plaintext"}
IN_HEX = (5, 0x20, 0xE2)


def report(event, **facts):
    # One write a line, so that lines of several threads do not mix.
    os.write(1, (json.dumps({"event": event, **facts}) + "\n").encode())


def parse_header(header):
    """The addresses and TLVs of a PROXY v2 header; asserts what docs/handoff.md promises."""
    assert header[:12] == SIGNATURE and header[12] == 0x21, header
    size, form = (4, "") if header[13] == 0x11 else (16, "v6")
    assert header[13] in (0x11, 0x21), header
    body = header[16:]
    family = socket.AF_INET if size == 4 else socket.AF_INET6
    source, destination = (socket.inet_ntop(family, body[i * size:(i + 1) * size]) for i in (0, 1))
    source_port, destination_port = struct.unpack_from("!HH", body, 2 * size)
    facts = {"source": [source, source_port], "destination": [destination, destination_port], "form": form}
    rest = body[2 * size + 4:]
    while rest:
        kind, length = struct.unpack_from("!BH", rest)
        value = rest[3:3 + length]
        assert len(value) == length, header
        facts[TLV_NAMES[kind]] = value.hex() if kind in IN_HEX else value.decode()
        rest = rest[3 + length:]
    return facts


class Tls:
    """A TLS server over a socket whose first bytes may have been read already (`datagram`)."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE, KEY)
    context.set_alpn_protocols(["h2", "http/1.1"])

    def __init__(self, connection, replay):
        self.connection = connection
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.incoming.write(replay)
        self.server_name = None
        context = self.context
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side=True)
        self._do(self.tls.do_handshake)

    def _do(self, call, *arguments):
        while True:
            try:
                result = call(*arguments)
                self.connection.sendall(self.outgoing.read())
                return result
            except ssl.SSLWantReadError:
                self.connection.sendall(self.outgoing.read())
                data = self.connection.recv(65536)
                self.incoming.write(data) if data else self.incoming.write_eof()

    def read(self):
        try:
            return self._do(self.tls.read, 65536)
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
            return b""

    def write(self, data):
        self._do(self.tls.write, data)

    def close(self):
        try:
            self._do(self.tls.unwrap)
        except (ssl.SSLError, OSError):
            pass


def serve_https(connection, replay, facts):
    tls = Tls(connection, replay)
    facts = {"backend": NAME, "pid": os.getpid(), **facts, "version": tls.tls.version(), "chosen": tls.tls.selected_alpn_protocol()}
    (serve_http2 if facts["chosen"] == "h2" else serve_http1)(tls, json.dumps(facts).encode())
    tls.close()


def serve_http1(tls, body):
    request = b""
    while b"\r\n\r\n" not in request:
        data = tls.read()
        if not data:
            return
        request += data
    if b"\r\nUpgrade: echo\r\n" in request:
        tls.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n")
        while data := tls.read():
            tls.write(data)
        return
    tls.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(body), body))


def serve_http2(tls, body):
    """One request (RFC 9113): the preface, settings, and an answer whose only header is static entry 8, `:status 200`."""
    SETTINGS, HEADERS, DATA, GOAWAY = 4, 1, 0, 7

    def frame(kind, flags, stream, payload=b""):
        return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload

    buffer = b""

    def take(count):
        nonlocal buffer
        while len(buffer) < count:
            data = tls.read()
            if not data:
                raise EOFError
            buffer += data
        taken, buffer = buffer[:count], buffer[count:]
        return taken

    assert take(24) == b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    tls.write(frame(SETTINGS, 0, 0))
    while True:
        head = take(9)
        take(int.from_bytes(head[:3], "big"))
        stream = int.from_bytes(head[5:], "big")
        if head[3] == SETTINGS and not head[4] & 1:
            tls.write(frame(SETTINGS, 1, 0))
        if head[3] == HEADERS:
            tls.write(frame(HEADERS, 4, stream, b"\x88") + frame(DATA, 1, stream, body) + frame(GOAWAY, 0, 0, bytes(8)))
            return


class RawClients:
    """Every client of `raw` in one thread: a thousand of them must not need a thousand threads."""

    def __init__(self):
        self.selector = selectors.DefaultSelector()
        self.lock = threading.Lock()
        threading.Thread(target=self._run, daemon=True).start()
        threading.Thread(target=self._commands, daemon=True).start()

    def add(self, connection, replay):
        connection.sendall(replay)
        connection.setblocking(False)
        self.selector.register(connection, selectors.EVENT_READ)

    def _drop(self, connection):
        self.selector.unregister(connection)
        connection.close()

    def _run(self):
        while True:
            for key, _ in self.selector.select(0.05):
                connection = key.fileobj
                try:
                    data = connection.recv(65536)
                    if data:
                        connection.sendall(data)
                except OSError:
                    data = b""
                if not data:
                    self._drop(connection)

    def _commands(self):
        for line in sys.stdin:
            if line == "close\n":
                for key in list(self.selector.get_map().values()):
                    self._drop(key.fileobj)
                report("closed")


raw_clients = RawClients() if SERVE == "raw" else None


def serve(fd, replay, facts):
    connection = socket.socket(fileno=fd)
    connection.setblocking(True)
    try:
        if SERVE == "once":  # quick, and without a report: its users count what it costs the router
            connection.sendall(b"!")
            connection.close()
            return
        # One end of a socket pair, where TLS has ended already: its addresses are the header's.
        facts["peer"] = facts["source"] if connection.family == socket.AF_UNIX else list(connection.getpeername()[:2])
        report("taken", **facts, payload=len(replay))
        if raw_clients:
            raw_clients.add(connection, replay)
            return
        serve_https(connection, replay, facts)
        connection.close()
    except (OSError, EOFError) as error:
        report("failed", error=repr(error))
        connection.close()


def take_tcp(connection):
    facts = {}
    if PROTOCOL == "tcp-v2":
        header = connection.recv(16, socket.MSG_WAITALL)
        header += connection.recv(struct.unpack_from("!H", header, 14)[0], socket.MSG_WAITALL)
        facts = parse_header(header)
    serve(connection.detach(), b"", facts)


def take_stream(unix):
    header, fds, flags, _ = socket.recv_fds(unix, 16, 8)
    if not header:  # somebody looked whether we are there
        unix.close()
        return
    assert len(fds) == 1 and flags & (socket.MSG_CTRUNC | socket.MSG_TRUNC) == 0, (fds, flags)
    os.set_inheritable(fds[0], False)
    while len(header) < 16 + struct.unpack_from("!H", header, 14)[0]:
        header += unix.recv(16 + struct.unpack_from("!H", header, 14)[0] - len(header))
    facts = parse_header(header)
    if MANNER == "decline":
        os.close(fds[0])
        unix.close()
        report("declined", **facts)
        return
    if MANNER == "silent":
        report("silent", **facts)
        if unix.recv(1) == b"":
            os.close(fds[0])
        report("gave up", **facts)
        return
    try:
        unix.sendall(ACK)
    except OSError as error:
        os.close(fds[0])
        unix.close()
        report("refused", error=error.errno, **facts)
        return
    try:
        unix.recv(1)  # end of file: nobody else has the client now
    except ConnectionResetError:
        pass
    unix.close()
    serve(fds[0], b"", facts)


def main():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if PROTOCOL.startswith("tcp"):
        listener = socket.create_server(("127.0.0.1", 0), backlog=int(BACKLOG))
    else:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM if PROTOCOL == "datagram" else socket.SOCK_STREAM)
        listener.bind(PATH)
    if PROTOCOL == "stream":
        listener.listen(int(BACKLOG))
    report("listening", pid=os.getpid(), address=listener.getsockname())
    while MANNER == "deaf":
        threading.Event().wait(3600)
    while True:
        if PROTOCOL != "datagram":
            work, arguments = take_stream if PROTOCOL == "stream" else take_tcp, (listener.accept()[0],)
        else:
            payload, fds, flags, _ = socket.recv_fds(listener, 1 << 18, 8)
            assert len(fds) == 1 and flags & (socket.MSG_CTRUNC | socket.MSG_TRUNC) == 0, (fds, flags)
            work, arguments = serve, (fds[0], payload, {})
        if SERVE != "https":
            work(*arguments)
        else:
            threading.Thread(target=work, args=arguments, daemon=True).start()


main()
