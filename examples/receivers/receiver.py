#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""A receiver of the `stream` protocol (docs/handoff.md) in Python, and an HTTPS server on top of it.

    receiver.py [--from USER]... [--in-clear] SOCKET_PATH [CERTIFICATE KEY]

USER is the router's user: a name, a number, or "unmapped". Without it that is `snipass`, if there is such a user.
With --in-clear it takes clients whose TLS has ended in snipass-tls (docs/tls.md), too, and answers them in clear; where the kernel
goes on speaking TLS for such a client, class KernelTls says its end.
What a server needs is receive_client(): it returns what accept() would have returned.
"""
import argparse
import array
import errno
import os
import pwd
import socket
import ssl
import stat
import struct
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler

SIGNATURE = bytes.fromhex("0d0a0d0a000d0a515549540a") + b"\x21"  # and version 2, PROXY
ACK = b"\x06"
ADDRESSES = {0x11: 12, 0x21: 36}  # bytes, by family
# In a user namespace the kernel shows whoever has no number there as 65534. So that is nobody, unless "--from unmapped" was written.
OVERFLOW, UNMAPPED = 65534, -1
SOL_TLS = 282


class Refused(Exception):
    """The client was not touched; the router still owns it, and offers it to somebody else."""


def user_id(user):
    """By name or by number: in a container the router's user has a number only."""
    try:
        return pwd.getpwnam(user).pw_uid
    except KeyError:
        if user == "unmapped":
            return UNMAPPED
        if not user.isdecimal():
            raise argparse.ArgumentTypeError(f"there is no user {user}") from None
        return int(user)


class Senders:
    """Who may hand over clients: root, this process's user, and the router's."""

    def __init__(self, users):
        self.allowed, self.next_line = {0, os.geteuid(), *users}, 0.0
        if users:
            return
        try:
            self.allowed.add(user_id("snipass"))
        except argparse.ArgumentTypeError as error:
            print(f"receiver.py: {error}: clients are taken from root and user {os.geteuid()} only; --from USER names the "
                  "router's user", file=sys.stderr)

    def allow(self, uid):
        """Who was refused is said once a minute: the router comes again and again."""
        if (UNMAPPED if uid == OVERFLOW else uid) in self.allowed:
            return True
        if time.monotonic() >= self.next_line:
            self.next_line = time.monotonic() + 60
            print(f"receiver.py: user {uid} may not hand over clients; if that is the router's user: --from {uid}", file=sys.stderr)
        return False


def read_some(connection, size, fds, deadline):
    """One recvmsg(). Whatever descriptors come are in `fds`, whose owner is the caller, before anything is judged."""
    connection.settimeout(max(deadline - time.monotonic(), 0.001))
    data, control, flags, _ = connection.recvmsg(size, socket.CMSG_SPACE(16), socket.MSG_CMSG_CLOEXEC)
    for level, kind, value in control:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fds.extend(array.array("i", value[:len(value) // 4 * 4]))
    if flags & (socket.MSG_CTRUNC | socket.MSG_TRUNC) or len(fds) != 1:
        raise Refused("not one descriptor")
    if not data:
        raise Refused("the header ends early")
    return data


def read_header(connection, fds):
    """The whole header."""
    header, deadline = b"", time.monotonic() + 1  # for all of it: who sends a byte now and then must come to an end
    while len(header) < 16:
        header += read_some(connection, 16 - len(header), fds, deadline)
    size = 16 + struct.unpack("!H", header[14:])[0]
    if header[:13] != SIGNATURE or not 16 + ADDRESSES.get(header[13], 1024) <= size <= 1024:
        raise Refused("not a PROXY v2 header")
    while len(header) < size:
        header += read_some(connection, size - len(header), fds, deadline)
    return header


def address_in_clear(header):
    """Of a client whose TLS has ended already (TLV e2), its address, and whether the kernel goes on speaking it; else None twice."""
    size, rest = ADDRESSES[header[13]], header[16 + ADDRESSES[header[13]]:]
    while len(rest) >= 3:
        kind, length = struct.unpack("!BH", rest[:3])
        value, rest = rest[3:3 + length], rest[3 + length:]
        if kind == 0xE2 and value not in (b"\x01", b"\x02"):
            raise Refused("a socket of a kind that is not known here")
        if kind == 0xE2:
            half = (size - 4) // 2
            host = socket.inet_ntop(socket.AF_INET if half == 4 else socket.AF_INET6, header[16:16 + half])
            return (host, struct.unpack("!H", header[16 + 2 * half:18 + 2 * half])[0]), value == b"\x01"
    return None, None


class KernelTls(socket.socket):
    """A client for whom the kernel speaks TLS, but not its end: it would be an error for ever, and close() would say none."""

    def recv_into(self, *arguments):
        while True:
            try:
                return super().recv_into(*arguments)
            except OSError as error:
                if error.errno != errno.EIO:
                    raise
            record, control, _, _ = self.recvmsg(16384, socket.CMSG_SPACE(1))
            if not control or control[0][2] != b"\x15" or (record[0] != 1 and record[1:] != b"\0"):  # no alert, or one that is fatal
                raise ConnectionResetError(errno.ECONNRESET, "the client has broken off")
            if record[1:] == b"\0":  # close_notify
                self.shutdown(socket.SHUT_RD)
                return 0

    def end(self):
        """This waits for room, so nothing is lost; a server with an event loop leaves it to snipass-tls (docs/handoff.md, Farewell)."""
        self.sendmsg([b"\1\0"], [(SOL_TLS, 1, b"\x15")])
        self.shutdown(socket.SHUT_WR)


def has_keys(s):
    return s.getsockopt(socket.IPPROTO_TCP, 31, 16)[:3] == b"tls"  # TCP_ULP


def is_client(s, is_pair):
    if is_pair:
        return s.family == socket.AF_UNIX and s.type == socket.SOCK_STREAM and not s.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    return s.family in (socket.AF_INET, socket.AF_INET6) and s.type == socket.SOCK_STREAM and \
        s.proto in (socket.IPPROTO_TCP, socket.IPPROTO_MPTCP) and not s.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)


def receive_client(connection, senders, in_clear=False):
    """The client's TCP socket, acknowledged, and let go by the router, and None; or, where TLS has ended already and that was
    asked for, one end of a socket pair, or a KernelTls, and the client's address. None twice: from a sender who was named already."""
    _, uid, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    if not senders.allow(uid):
        return None, None
    fds, client = [], None
    try:
        address, is_keyed = address_in_clear(read_header(connection, fds))
        client = (KernelTls if is_keyed else socket.socket)(fileno=fds[0])
        fds.clear()  # the socket owns it
        if (address and not in_clear) or not is_client(client, is_keyed is False) or \
                (is_keyed is not False and has_keys(client) != bool(is_keyed)):
            raise Refused("not a client's socket")
        connection.send(ACK)
    except BaseException:
        if client:
            client.close()
        raise
    finally:
        for fd in fds:
            os.close(fd)
    connection.settimeout(1)
    try:
        connection.recv(1)  # end of file: nobody else has the client any more
    except OSError:
        pass  # the router is stuck, or dead; the client is ours
    client.setblocking(True)
    return client, address


def listen(path):
    """Replaces the file that a dead server left there. Where somebody listens, bind() fails."""
    with socket.socket(socket.AF_UNIX) as other:
        other.setblocking(False)
        if other.connect_ex(path) == errno.ECONNREFUSED and stat.S_ISSOCK(os.lstat(path).st_mode):
            os.unlink(path)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    os.chmod(path, 0o660)  # who may connect; who may hand over is checked at each handoff
    listener.listen(1024)
    return listener


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        host, port = self.client_address[:2]
        body = f"client: {host}:{port}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def serve(connection, senders, context, in_clear):
    try:
        with connection:
            client, address = receive_client(connection, senders, in_clear)
        if client is None:
            return
        if address:
            with client:
                Handler(client, address, None)
                if isinstance(client, KernelTls):
                    client.end()
            return
        if context is None:
            raise Refused("a client that speaks TLS, and no certificate for it")
        with context.wrap_socket(client, server_side=True) as tls:  # reads the ClientHello, which is still unread
            Handler(tls, tls.getpeername(), None)
    except (Refused, OSError) as error:
        print(f"receiver.py: {error}", file=sys.stderr)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--from", dest="users", metavar="USER", type=user_id, action="append", default=[])
    parser.add_argument("--in-clear", action="store_true")
    parser.add_argument("socket_path")
    parser.add_argument("certificate", nargs="?")
    parser.add_argument("key", nargs="?")
    arguments = parser.parse_args()
    if not arguments.key and (arguments.certificate or not arguments.in_clear):
        parser.error("CERTIFICATE and KEY are missing")
    context = None
    if arguments.key:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(arguments.certificate, arguments.key)
    senders = Senders(arguments.users)
    with listen(arguments.socket_path) as listener:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:  # out of descriptors: the clients wait in the backlog
                time.sleep(0.01)
                continue
            try:
                threading.Thread(target=serve, args=(connection, senders, context, arguments.in_clear), daemon=True).start()
            except RuntimeError:  # out of threads: the client is the router's still, who offers it again
                connection.close()
                time.sleep(0.01)


if __name__ == "__main__":
    main()
