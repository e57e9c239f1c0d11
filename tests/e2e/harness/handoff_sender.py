# SPDX-License-Identifier: BSL-1.0
"""The sending half of docs/handoff.md for tests of receivers: a small router, and a set of lies.

Sender accepts TCP clients and hands each to a receiver, as snipass does. LIES is what a broken or hostile sender might
do; each of them is one handoff that a receiver must refuse while it goes on serving everybody else.
"""
import array
import collections
import os
import select
import socket
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor

SIGNATURE = bytes.fromhex("0d0a0d0a000d0a515549540a")
ACK = b"\x06"
AUTHORITY, ALPN, UNIQUE_ID = 0x02, 0x01, 0x05


def tlv(kind, value):
    return struct.pack("!BH", kind, len(value)) + value


def addresses(client):
    """Family byte and address block for a connected TCP socket; IPv4-mapped addresses are IPv4."""
    (source, source_port), (destination, destination_port) = client.getpeername()[:2], client.getsockname()[:2]
    ports = struct.pack("!HH", source_port, destination_port)
    plain = [a[7:] if a.startswith("::ffff:") else a for a in (source, destination)]
    if all("." in a for a in plain):
        return 0x11, b"".join(socket.inet_aton(a) for a in plain) + ports
    return 0x21, b"".join(socket.inet_pton(socket.AF_INET6, a) for a in (source, destination)) + ports


def header(client, authority=b"test.example", alpn=b"http/1.1", counter=1, command=0x21, extra=b""):
    family, body = addresses(client)
    body += tlv(AUTHORITY, authority) if authority else b""
    body += tlv(ALPN, alpn) if alpn else b""
    body += tlv(UNIQUE_ID, b"\x8f\x3c\x1e\x02\xd9\x4b\xa7\x65" + struct.pack("!Q", counter)) + extra
    return SIGNATURE + bytes([command, family]) + struct.pack("!H", len(body)) + body


def send_with(connection, data, descriptors, flags=0):
    rights = array.array("i", [d if isinstance(d, int) else d.fileno() for d in descriptors])
    control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)] if descriptors else []
    return connection.sendmsg([data], control, socket.MSG_NOSIGNAL | flags)


def connect(path, timeout=5.0):
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(timeout)
    try:
        connection.connect(path)
    except OSError:
        connection.close()
        raise
    return connection


def answer(connection, patience):
    """What the receiver said: "taken", "refused" (closed without ACK), "taken back" (silent for `patience` seconds)."""
    connection.settimeout(patience)
    try:
        return "taken" if connection.recv(1) == ACK else "refused"
    except ConnectionError:
        return "refused"
    except TimeoutError:
        connection.shutdown(socket.SHUT_RD)
        connection.settimeout(1)
        return "taken" if connection.recv(1) == ACK else "taken back"


def is_closed(connection, patience):
    """The receiver has closed it, or does so now."""
    poll = select.poll()
    poll.register(connection, 0)  # POLLHUP comes unasked
    return bool(poll.poll(patience * 1000))


def offer(path, client, patience=1.0, **header_fields):
    """One honest `stream` handoff; the caller closes `client` if it was taken, and keeps it otherwise."""
    try:
        connection = connect(path)
    except (FileNotFoundError, ConnectionRefusedError, BlockingIOError):
        return "away"
    with connection:
        try:
            send_with(connection, header(client, **header_fields), [client])
        except OSError:
            return "refused"
        result = answer(connection, patience)
        if result == "taken":
            client.close()  # first; `with` closes the unix connection after it
        return result


def wait_for_bytes(client, seconds=10):
    """Of a socket that blocks, as the router's do: settimeout() would make it non-blocking, SO_RCVTIMEO travel with it."""
    poll = select.poll()
    poll.register(client, select.POLLIN)
    if not poll.poll(seconds * 1000):
        raise TimeoutError


def whole_record(client):
    """Takes the first TLS record off the socket: what the `datagram` protocol sends along."""
    data, size = b"", 5
    while len(data) < size:
        wait_for_bytes(client)
        more = client.recv(size - len(data))
        if not more:
            break
        data += more
        if len(data) == 5:
            size += int.from_bytes(data[3:5], "big")
    return data


class Sender:
    """A router for tests: accepts on a port of its own and hands every client to the receiver at `path`."""

    def __init__(self, path, protocol="stream", hold=10.0, patience=1.0, host="127.0.0.1", threads=16):
        self.path, self.protocol, self.hold, self.patience = path, protocol, hold, patience
        self.outcomes = collections.Counter()
        self._listener = socket.create_server((host, 0), backlog=4096,
                                              family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        self.address = self._listener.getsockname()[:2]
        self.port = self.address[1]
        self._datagrams, self._lock = None, threading.Lock()
        self._pool = ThreadPoolExecutor(threads)
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()
        self._pool.shutdown()
        if self._datagrams:
            self._datagrams.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._pool.submit(self._route, client)

    def _route(self, client):
        try:
            wait_for_bytes(client)
            if not client.recv(1, socket.MSG_PEEK):
                outcome = "left"
            elif self.protocol == "datagram":
                outcome = self._send_datagram(client)
            else:
                outcome = self._offer_until_taken(client)
        except OSError as error:
            outcome = type(error).__name__
        client.close()
        self.outcomes[outcome] += 1

    def _offer_until_taken(self, client):
        deadline = time.monotonic() + self.hold
        extra = self.extra(client)
        while True:
            result = offer(self.path, client, self.patience, counter=sum(self.outcomes.values()), extra=extra)
            if result == "taken" or time.monotonic() > deadline:
                return result
            self.outcomes["(" + result + ")"] += 1  # not an end, but worth a look
            time.sleep(0.02)

    def extra(self, client):  # noqa: ARG002, PLR6301
        """More TLVs."""
        return b""

    def _send_datagram(self, client):
        with self._lock:  # the first clients may come together
            if self._datagrams is None:
                self._datagrams = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                self._datagrams.connect(self.path)
        send_with(self._datagrams, whole_record(client), [client])
        return "sent"


# --- lies ---------------------------------------------------------------------------------------------------------

def _pieces(connection, data, descriptors, cuts, pause=0.002):
    """Sends data in pieces cut at `cuts`; the descriptors travel on the first."""
    start = 0
    for end in list(cuts) + [len(data)]:
        send_with(connection, data[start:end], descriptors if start == 0 else [])
        start = end
        time.sleep(pause)


def _cut(client, connection, size):
    send_with(connection, header(client)[:size], [client])
    connection.shutdown(socket.SHUT_WR)


def _late_descriptor(client, connection):
    data = header(client)
    send_with(connection, data[:16], [client])
    time.sleep(0.01)
    send_with(connection, data[16:], [client])


def _trickle(client, connection):
    """Each byte comes before a wait for it would end, and the header is whole after four seconds."""
    data = header(client)
    _pieces(connection, data, [client], range(1, 40), pause=0.1)


def _replaced(client, at, value):
    data = bytearray(header(client))
    data[at:at + len(value)] = value
    return bytes(data)


def _other_descriptor(client, connection, make):
    with make() as made:
        send_with(connection, header(client), [made])


def _pipe():
    read_end, write_end = os.pipe()
    os.close(write_end)
    return os.fdopen(read_end)


# name -> what the liar does on a fresh connection to the receiver, with a client at hand
LIES = {
    "silence": lambda client, c: None,
    "close at once": lambda client, c: c.close(),
    "no descriptor": lambda client, c: send_with(c, header(client), []),
    "two descriptors": lambda client, c: send_with(c, header(client), [client, client]),
    "a hundred descriptors": lambda client, c: send_with(c, header(client), [client] * 100),
    "a descriptor on the 17th byte, too": _late_descriptor,
    "header cut after 1 byte": lambda client, c: _cut(client, c, 1),
    "header cut after 16 bytes": lambda client, c: _cut(client, c, 16),
    "header cut before its last byte": lambda client, c: _cut(client, c, len(header(client)) - 1),
    "header never ends": lambda client, c: send_with(c, header(client)[:20], [client]),
    "a byte now and then": _trickle,
    "not a header": lambda client, c: send_with(c, b"GET / HTTP/1.1\r\nHost: test.example\r\n\r\n", [client]),
    "one wrong byte in the signature": lambda client, c: send_with(c, _replaced(client, 11, b"\x0b"), [client]),
    "version 1": lambda client, c: send_with(c, _replaced(client, 12, b"\x11"), [client]),
    "a command that is none": lambda client, c: send_with(c, _replaced(client, 12, b"\x22"), [client]),
    "a family that is none": lambda client, c: send_with(c, _replaced(client, 13, b"\x41"), [client]),
    "length 65,535": lambda client, c: send_with(c, _replaced(client, 14, b"\xff\xff"), [client]),
    "length 11": lambda client, c: send_with(c, _replaced(client, 14, b"\x00\x0b"), [client]),
    "a TLV over the end": lambda client, c: send_with(c, header(client, extra=b"\x30\x00\x09abc"), [client]),
    "a second host name": lambda client, c: send_with(c, header(client, extra=tlv(AUTHORITY, b"other.example")), [client]),
    "a pipe": lambda client, c: _other_descriptor(client, c, _pipe),
    "a unix socket": lambda client, c: _other_descriptor(client, c, lambda: socket.socket(socket.AF_UNIX)),
    "a listening socket": lambda client, c: _other_descriptor(client, c, lambda: socket.create_server(("127.0.0.1", 0))),
    "a UDP socket": lambda client, c: _other_descriptor(client, c, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)),
    "taken back before the ACK": lambda client, c: _taken_back(client, c),
}


def _taken_back(client, connection):
    """Nothing comes back on this connection any more; that the client was not taken shows in the client."""
    connection.shutdown(socket.SHUT_RD)
    send_with(connection, header(client), [client])


def tell(path, lie, client, patience=4.0):
    """Tells the receiver at `path` a lie about `client` and returns its answer: "refused" from a good receiver."""
    with connect(path) as connection:
        try:
            LIES[lie](client, connection)
        except ConnectionError:  # the receiver saw enough before we had finished
            return "refused"
        if connection.fileno() < 0:
            return "refused"
        result = answer(connection, patience)
        # Only then has it done all that it was to do with the client.
        return result if result != "refused" or is_closed(connection, patience) else "refused, but not closed"
