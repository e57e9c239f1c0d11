# SPDX-License-Identifier: BSL-1.0
"""The example backends: what they answer, what they refuse."""
import os
import resource
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from harness import handoff_sender, main  # noqa: E402
from harness.backend_case import BackendCase, descriptors, settled  # noqa: E402
from harness.places import BUILD, SOURCE  # noqa: E402
from harness.process import wait_until  # noqa: E402
from harness.receiver_checks import (  # noqa: E402
    KeepsItsPlace, KnowsOfSnipass, KnowsSenders, OutlivesThreads, RefusesLies, RefusesTheUnknown,
    ServesClients, tcp_pair)


class Example(KeepsItsPlace, BackendCase):
    program = None

    def command_at(self, path, *options):
        return [BUILD / "examples" / self.program[0], *self.program[1:], *options, path, self.certificate, self.key, "blog"]

    def setUp(self):
        super().setUp()
        self.server = self.start(*self.command_at(self.socket))
        if self.protocol == "stream":
            self.wait_for_socket()
        else:
            wait_until(self.socket.exists, "the receiver's socket")


class SaysHello:
    """Those that share hello_server.hpp."""

    def test_answers_with_process_host_name_and_alpn(self):
        with self.router() as router:
            own, body = self.fetch(router.address)
            self.assertEqual(body, f"backend: blog\npid: {self.server.pid}\nclient: {own}\nhost_name: test.example\n"
                                   "alpn: http/1.1\ntls: TLSv1.3\n")

    def test_an_echo_connection_outlives_the_router(self):
        with self.router() as router:
            client = self.connect(router.address)
            client.sendall(b"GET /echo HTTP/1.1\r\nHost: test.example\r\n\r\n")
            self.assertIn(b"101 Switching Protocols", client.recv(4096))
        with client:
            client.sendall(b"still there?\n")
            self.assertEqual(client.recv(4096), b"still there?\n")


class KeepsClients(OutlivesThreads):
    """Those who have taken a client, be it a datagram or acknowledged, before they start its thread."""

    def test_out_of_threads_the_client_stays_the_routers(self):
        """Or rather, theirs: somebody serves it in the end."""
        with self.without_threads() as (path, let):
            self.socket = path
            with self.router() as router, ThreadPoolExecutor(1) as pool:
                answer = pool.submit(self.fetch, router.address)
                time.sleep(0.3)  # long enough for it to be lost
                let()
                self.assertIn("backend: blog", answer.result()[1])


class KeepsDatagrams(KeepsClients):
    def test_a_client_for_whom_there_is_no_descriptor_waits(self):
        limit = resource.prlimit(self.server.pid, resource.RLIMIT_NOFILE)
        with self.router() as router:
            settled(lambda: descriptors(self.server.pid))  # its socket is there before it has started
            resource.prlimit(self.server.pid, resource.RLIMIT_NOFILE, (0, limit[1]))
            with ThreadPoolExecutor(1) as pool:
                answer = pool.submit(self.fetch, router.address)
                time.sleep(0.3)  # long enough for it to be lost
                resource.prlimit(self.server.pid, resource.RLIMIT_NOFILE, limit)
                self.assertIn("backend: blog", answer.result()[1])

    def test_a_client_who_is_withheld_keeps_nobody_waiting(self):
        """There is room for the descriptor, look after look, and it does not come."""
        shim, path = self.folder / "withheld.so", self.folder / "other.sock"
        subprocess.run(["cc", "-shared", "-fPIC", "-o", shim, SOURCE / "tests" / "support" / "withheld.c", "-ldl"], check=True)
        self.server = self.start(*self.command_at(path), env={**os.environ, "LD_PRELOAD": str(shim),
                                                              "ASAN_OPTIONS": "verify_asan_link_order=0"})
        wait_until(path.exists, "the receiver's socket")
        self.socket = path
        far, near = tcp_pair()
        with far, self.router() as router, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            with near:
                sender.connect(str(path))
                handoff_sender.send_with(sender, b"WITHHELD", [near])
            self.fetch(router.address)
            far.settimeout(10)
            with self.assertRaises(ConnectionResetError):  # nobody has it any more; what it had sent is unread
                far.recv(1)


class StreamBackend(RefusesTheUnknown, KnowsSenders, OutlivesThreads, KnowsOfSnipass, RefusesLies, SaysHello, Example):
    program = ["stream_backend"]
    ignores = ["a TLV over the end", "a second host name"]  # it does not read TLVs


class DatagramBackend(RefusesTheUnknown, KnowsSenders, KeepsDatagrams, ServesClients, SaysHello, Example):
    program, protocol = ["datagram_backend"], "datagram"


class LibraryBackend(KnowsSenders, KeepsClients, KnowsOfSnipass, RefusesLies, SaysHello, Example):
    program, threads_at_rest = ["library_backend"], 2


class LibraryDatagramBackend(KnowsSenders, KeepsDatagrams, ServesClients, SaysHello, Example):
    program, protocol, threads_at_rest = ["library_backend", "--datagram"], "datagram", 2


class AsioBackend(KnowsSenders, KnowsOfSnipass, RefusesLies, Example):
    program = ["asio_backend"]

    def test_out_of_descriptors_the_clients_wait(self):
        limit = resource.prlimit(self.server.pid, resource.RLIMIT_NOFILE)
        settled(lambda: descriptors(self.server.pid))  # its socket is there before it has started
        with self.router() as router, ThreadPoolExecutor(1) as pool:
            resource.prlimit(self.server.pid, resource.RLIMIT_NOFILE, (0, limit[1]))
            answer = pool.submit(self.fetch, router.address)
            time.sleep(0.3)
            resource.prlimit(self.server.pid, resource.RLIMIT_NOFILE, limit)
            self.assertIn("backend: blog", answer.result()[1])


del Example, KeepsItsPlace, KeepsClients, KeepsDatagrams, KnowsOfSnipass, KnowsSenders  # they are no tests by themselves
del OutlivesThreads, RefusesLies, RefusesTheUnknown, ServesClients
if __name__ == "__main__":
    main()
