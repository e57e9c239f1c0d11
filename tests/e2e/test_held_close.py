# SPDX-License-Identifier: BSL-1.0
"""A backend that leaves the router a close(2) that waits: whatever it does with a client's socket, others are served."""

import array
import socket
import struct
import threading
import time

import harness
from harness import Case, client_hello, read_all

HEAD = harness.case.HEAD.replace("workers = 2", "workers = 1")
ROUTE = '[[route]]\nnames = ["blog.example.com"]\nbackend = "blog"\n'
LINGERS, DEADLINE = 60, 20  # seconds


class HeldClose(Case):
    def spoil(self, listener, acknowledges):
        """Takes one client, and closes it with bytes unsent and an option that makes the router's close the one that waits."""
        connection, _ = listener.accept()
        with connection:
            _, control, _, _ = connection.recvmsg(4096, socket.CMSG_SPACE(4))
            with socket.socket(fileno=array.array("i", control[0][2])[0]) as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, LINGERS))
                client.setblocking(False)
                try:
                    while True:
                        client.send(bytes(65536))
                except BlockingIOError:
                    pass
                client.recv(65536)  # with bytes unread the end is an RST, and nothing lingers
            if acknowledges:
                connection.send(b"\x06")

    def wait_of_another(self, router):
        began = time.monotonic()
        with self.connect(router, b"this is not TLS\r\n") as other:
            other.settimeout(DEADLINE)
            read_all(other)
        waited = time.monotonic() - began
        time.sleep(0.1)  # a client that is declined is closed within two seconds: some of the others come after it
        return waited

    def check_others_are_served(self, acknowledges):
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(self.folder / "blog.sock"))
            listener.listen()
            router = self.router(ROUTE + self.backend("blog", rest='hold = "0s"'), head=HEAD)
            backend = threading.Thread(target=self.spoil, args=(listener, acknowledges))
            backend.start()
            self.connect(router, client_hello("blog.example.com"))
            backend.join(harness.DEADLINE)
            longest = max(self.wait_of_another(router) for _ in range(20))
            print(f"another client waited {longest:.3f} s at most")

    def test_others_are_served_when_it_acknowledged(self):
        self.check_others_are_served(True)

    def test_others_are_served_when_it_declined(self):
        self.check_others_are_served(False)


if __name__ == "__main__":
    harness.main()
