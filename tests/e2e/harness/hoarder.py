# SPDX-License-Identifier: BSL-1.0
"""A backend that lets clients lie in its queue, until it is told to take them."""

import array
import select
import socket

from .process import DEADLINE


class Offer:
    """One client that is offered by `stream`: received, and not acknowledged yet."""

    def __init__(self, connection):
        self.connection = connection
        _, messages, _, _ = connection.recvmsg(65536, socket.CMSG_SPACE(4))
        (number,) = array.array("i", messages[0][2])
        self.client = socket.socket(fileno=number)

    def acknowledge(self):
        """Whether it was in time: else the router has taken the client back."""
        try:
            self.connection.send(b"\x06")
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def close(self):
        self.connection.close()
        self.client.close()


class Hoarder:
    def __init__(self, path, kind=socket.SOCK_STREAM):
        self.path, self.kind = path, kind
        self.connections, self.offers = [], []
        self.socket = self.bound()

    def bound(self):
        self.path.unlink(missing_ok=True)
        one = socket.socket(socket.AF_UNIX, self.kind)
        one.bind(str(self.path))
        if self.kind == socket.SOCK_STREAM:
            one.listen(4096)
        one.settimeout(DEADLINE)
        return one

    def has_more(self, seconds=0.2):
        return bool(select.select([self.socket], [], [], seconds)[0])

    def accept(self):
        self.connections.append(self.socket.accept()[0])
        return self.connections[-1]

    def accept_unread(self, say=b""):
        """Accepts all who have come, says this, and reads nothing."""
        while self.has_more():
            connection = self.accept()
            if say:
                connection.send(say)

    def receive(self):
        """The next offer, which is not acknowledged."""
        self.offers.append(Offer(self.socket.accept()[0]))
        return self.offers[-1]

    def take(self, seconds=0.2):
        """Reads what it has accepted and not read, takes all that lies there, and returns those whose ACK was in time."""
        for connection in self.connections:
            self.offers.append(Offer(connection))
        self.connections = []
        acknowledged = []
        while self.has_more(seconds):
            offer = self.receive()
            if offer.acknowledge():
                acknowledged.append(offer)
        return acknowledged

    def stop(self):
        for one in [self.socket, *self.connections, *self.offers]:
            one.close()
