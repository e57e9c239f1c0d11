# SPDX-License-Identifier: BSL-1.0
"""A `datagram` backend gets what tarweb --passfd gets from sni-router: one datagram a client, its bytes so far, one descriptor."""
import array
import fcntl
import os
import socket
import ssl
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from harness import main  # noqa: E402
from harness.backend_case import BackendCase  # noqa: E402
from harness.router import SiteRouter  # noqa: E402


def client_hello(host_name="test.example"):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname=host_name)
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        return outgoing.read()


class Datagram(BackendCase):
    def test_one_datagram_the_bytes_so_far_one_descriptor(self):
        hello = client_hello()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
            receiver.bind(str(self.socket))
            receiver.settimeout(10)
            with SiteRouter(self.folder, self.socket, "datagram") as router:
                for cut in (len(hello), 1, 100):
                    with self.subTest(cut=cut), socket.create_connection(router.address) as client:
                        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                        client.sendall(hello[:cut])
                        time.sleep(0.05 if cut < len(hello) else 0)  # a segment of its own
                        client.sendall(hello[cut:])
                        data, control, flags, _ = receiver.recvmsg(65536, socket.CMSG_SPACE(64), socket.MSG_CMSG_CLOEXEC)
                        descriptors = array.array("i", control[0][2])
                        self.assertEqual([(level, kind) for level, kind, _ in control], [(socket.SOL_SOCKET, socket.SCM_RIGHTS)])
                        self.assertEqual(len(descriptors), 1)
                        self.assertEqual(data, hello)
                        with socket.socket(fileno=descriptors[0]) as passed:
                            # tarweb reads by io_uring, which gives up on a socket that does not block.
                            self.assertEqual(fcntl.fcntl(passed, fcntl.F_GETFL) & os.O_NONBLOCK, 0)
                            passed.settimeout(10)
                            self.assertEqual(passed.getpeername(), client.getsockname())
                            client.sendall(b"what comes next")
                            self.assertEqual(passed.recv(64), b"what comes next")

    def test_a_receiver_with_tarwebs_room_finds_early_data_in_the_socket(self):
        """tarweb receives into 2,048 bytes; what a client sends behind its hello must not cut it."""
        hello, early = client_hello(), b"\x17\x03\x03\x0b\xb8" + bytes(3000)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
            receiver.bind(str(self.socket))
            receiver.settimeout(10)
            with SiteRouter(self.folder, self.socket, "datagram") as router, socket.create_connection(router.address) as client:
                client.sendall(hello + early)
                data, control, flags, _ = receiver.recvmsg(2048, socket.CMSG_SPACE(64), socket.MSG_CMSG_CLOEXEC)
                self.assertEqual((data, flags & socket.MSG_TRUNC), (hello, 0))
                with socket.socket(fileno=array.array("i", control[0][2])[0]) as passed:
                    passed.settimeout(10)
                    self.assertEqual(passed.recv(len(early), socket.MSG_WAITALL), early)


if __name__ == "__main__":
    main()
