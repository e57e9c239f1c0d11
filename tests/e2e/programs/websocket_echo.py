# SPDX-License-Identifier: BSL-1.0
"""A WebSocket server (RFC 6455) that echoes messages, by hand, and knows nothing of TLS.

    websocket_echo.py PORT
"""
import base64
import hashlib
import socketserver
import sys

CONTINUATION, CLOSE = 0, 8
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Echo(socketserver.StreamRequestHandler):
    def handle(self):
        head = {}
        while line := self.rfile.readline().strip():
            field, _, value = line.partition(b": ")
            head[field.lower()] = value
        if b"sec-websocket-key" not in head:
            return
        accept = base64.b64encode(hashlib.sha1(head[b"sec-websocket-key"] + GUID).digest())
        self.wfile.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                         b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
        while self.frame() not in (CLOSE, None):
            pass

    def frame(self):
        """Echoes one, and returns its opcode."""
        start = self.rfile.read(2)
        if len(start) < 2:
            return None
        size = start[1] & 127
        more = {126: 2, 127: 8}.get(size, 0)
        if more:
            size = int.from_bytes(self.rfile.read(more), "big")
        mask, masked = self.rfile.read(4), self.rfile.read(size)
        data = (int.from_bytes(masked, "big") ^ int.from_bytes((mask * (size // 4 + 1))[:size], "big")).to_bytes(size, "big")
        length = bytes([size]) if size < 126 else b"\x7e" + size.to_bytes(2, "big") if size < 65536 else b"\x7f" + size.to_bytes(8, "big")
        self.wfile.write(start[:1] + length + data)
        return start[0] & 15


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True


Server(("127.0.0.1", int(sys.argv[1])), Echo).serve_forever()
