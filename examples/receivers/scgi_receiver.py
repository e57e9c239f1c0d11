#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""A receiver of the `scgi` protocol (docs/handoff.md) in Python, and a server on top of it: an event stream at /events, a WebSocket
that says what it is told at /echo, and what it knows of the request elsewhere.

    scgi_receiver.py [--ack] [--from USER]... SOCKET_PATH

--ack is for a backend with `scgi_ack = true`. Clients whose TLS has ended in snipass-tls (HTTPS is "on") are served in the same way.
USER is the router's user, as of receiver.py, which lies beside this file.
What a server needs is receive_request(): the variables of the request, and the client's socket behind its head.
"""
import argparse
import base64
import hashlib
import os
import socket
import struct
import sys
import threading
import time

from receiver import ACK, KernelTls, Refused, Senders, has_keys, is_client, listen, read_some, user_id

LARGEST = 1 << 20


def read_netstring(connection, fds):
    """The block of names and values."""
    text, deadline = b"", time.monotonic() + 1
    while b":" not in text[:8]:
        text += read_some(connection, 4096, fds, deadline)
        if len(text) > 7 and b":" not in text[:8]:
            raise Refused("not a netstring")
    digits, text = text.split(b":", 1)
    if not digits.isdigit() or int(digits) > LARGEST:
        raise Refused("not a netstring")
    while len(text) <= int(digits):
        text += read_some(connection, 65536, fds, deadline)
    if text[int(digits):] != b",":
        raise Refused("not a netstring")
    return text[:-1]


def variables_of(block):
    """Repeated fields are joined, as HTTP has it (RFC 9110 section 5.3)."""
    words = block.split(b"\0")
    if len(words) % 2 == 0 or words[-1] or words[:2] != [b"CONTENT_LENGTH", b"0"]:
        raise Refused("not SCGI")
    variables = {}
    for name, value in zip(words[:-1:2], words[1::2]):
        name, value = name.decode("latin-1"), value.decode("latin-1")
        variables[name] = f"{variables[name]}, {value}" if name in variables else value
    if variables.get("SCGI") != "1+fd_pass":
        raise Refused("not SCGI with a descriptor")
    return variables


def socket_of(fd, variables):
    """It owns `fd`. Behind TLS it is one end of a socket pair, or the client's own, on which the kernel speaks TLS."""
    plaintext = variables.get("SNIPASS_PLAINTEXT")
    client = (KernelTls if plaintext == "ktls" else socket.socket)(fileno=fd)
    if not is_client(client, plaintext == "relay") or (plaintext != "relay" and has_keys(client) != (plaintext == "ktls")):
        client.close()
        raise Refused("not a client's socket")
    return client


def receive_request(connection, senders, acknowledges=False):
    """The variables, and the client's socket, whose next byte is the first one behind the head; None twice: from a stranger."""
    if not senders.allow(struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[1]):
        return None, None
    fds, client = [], None
    try:
        variables = variables_of(read_netstring(connection, fds))
        client = socket_of(fds.pop(), variables)
        if acknowledges:
            connection.send(ACK)
        connection.settimeout(1)  # a router that waits for an ACK, and gets none, keeps its client
        if connection.recv(1):  # end of file: the head is out of the client's socket, and nobody else has it
            raise Refused("more than one message")
    except BaseException:
        if client:
            client.close()
        raise
    finally:
        for fd in fds:
            os.close(fd)
    client.setblocking(True)
    return variables, client


def answer(client, status, fields, body=b""):
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    client.sendall(f"HTTP/1.1 {status}\r\n{head}\r\n".encode("latin-1") + body)


def stream_events(client):
    answer(client, "200 OK", {"Content-Type": "text/event-stream", "Cache-Control": "no-store", "Connection": "close"})
    for number in range(1, 1_000_000):
        client.sendall(f"data: {number}\n\n".encode())
        time.sleep(0.2)


def exactly(client, size):
    data = bytearray(size)
    view = memoryview(data)
    while view:
        got = client.recv_into(view)
        if not got:
            raise EOFError
        view = view[got:]
    return bytes(data)


def echo(client, key):
    """RFC 6455, without fragments."""
    accept = base64.b64encode(hashlib.sha1(key.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()).decode()
    answer(client, "101 Switching Protocols", {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": accept})
    while True:
        kind, size = exactly(client, 2)
        size &= 0x7F
        if size > 125:
            size = int.from_bytes(exactly(client, 2 if size == 126 else 8), "big")
        if size > LARGEST:
            return
        mask, data = exactly(client, 4), exactly(client, size)
        data = bytes(byte ^ mask[i % 4] for i, byte in enumerate(data))
        frame = bytes([kind]) + (bytes([size]) if size < 126 else b"\x7f" + size.to_bytes(8, "big")) + data
        client.sendall(frame)
        if kind & 0x0F == 8:  # close
            return


def serve(connection, senders, acknowledges):
    try:
        with connection:
            variables, client = receive_request(connection, senders, acknowledges)
        if client is None:
            return
        with client:
            path = variables["REQUEST_URI"].partition("?")[0]
            if path.endswith("/events"):
                stream_events(client)
            elif path.endswith("/echo") and "HTTP_SEC_WEBSOCKET_KEY" in variables:
                echo(client, variables["HTTP_SEC_WEBSOCKET_KEY"])
            else:
                body = exactly(client, min(int(variables.get("HTTP_CONTENT_LENGTH", "0")), LARGEST))
                how = " by " + variables["SSL_PROTOCOL"] if "HTTPS" in variables else ""
                text = f"{variables['REQUEST_METHOD']} {path} from {variables['REMOTE_ADDR']}{how}\n".encode() + body
                answer(client, "200 OK", {"Content-Length": len(text), "Connection": "close"}, text)
            if isinstance(client, KernelTls):
                client.end()
    except (Refused, OSError, EOFError, ValueError) as error:
        print(f"scgi_receiver.py: {error!r}", file=sys.stderr)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ack", action="store_true")
    parser.add_argument("--from", dest="users", metavar="USER", type=user_id, action="append", default=[])
    parser.add_argument("socket_path")
    arguments = parser.parse_args()
    senders = Senders(arguments.users)
    with listen(arguments.socket_path) as listener:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=serve, args=(connection, senders, arguments.ack), daemon=True).start()


if __name__ == "__main__":
    main()
