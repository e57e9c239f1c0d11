#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""What a backend can do with a client in clear that it was offered: keep it, or send files along."""

import signal
import socket
import threading

from harness import DEADLINE, Case, handoff_sender, main, python_tls, read_all
from harness.case import HEAD
from harness.slow_files import before_refusals, slow_file
from harness.tls_end import TlsSite


class Offers(TlsSite, Case):
    def setUp(self):
        super().setUp()
        self.listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(self.listener.close)
        self.listener.bind(str(self.socket))
        self.listener.listen()
        self.listener.settimeout(DEADLINE)

    def accept(self, answer):
        """The end of a pair that is offered next, and the connection, once it was answered."""
        connection, _ = self.listener.accept()
        self.addCleanup(connection.close)
        connection.settimeout(DEADLINE)
        _, descriptors, _, _ = socket.recv_fds(connection, 4096, 1)
        end = socket.socket(fileno=descriptors[0])
        self.addCleanup(end.close)
        end.settimeout(DEADLINE)
        if answer:
            connection.sendall(handoff_sender.ACK)
            self.assertEqual(connection.recv(1), b"")
        return end, connection

    def test_whoever_has_not_taken_a_client_neither_hears_it_nor_speaks_to_it(self):
        self.receiver("other", serve="raw")
        text = self.text(f'handoff = "unix:{self.socket}"\nhold = "0s"\nsorry = "other"\n',
                         f'[backend.other]\nhandoff = "unix:{self.folder}/other.sock"\ntls = "terminate"\n', head=HEAD)
        self.tls = self.tls_end(text)
        router = self.router(head=text)
        offered = []
        backend = threading.Thread(target=lambda: offered.append(self.accept(None)))
        backend.start()
        with python_tls(router.port(), "a.example", self.a) as client:
            client.sendall(b"said before anybody has taken it")
            backend.join(DEADLINE)
            kept, connection = offered[0]
            connection.close()  # and its end is kept
            self.assertEqual(client.recv(100), b"said before anybody has taken it")
            self.assertEqual(kept.recv(100), b"")
            with self.assertRaises(BrokenPipeError):
                kept.sendall(b"heard by nobody")
            client.sendall(b"echo")
            self.assertEqual(client.recv(100), b"echo")

    def test_a_client_that_leaves_while_nobody_has_taken_it_is_not_held(self):
        text = self.text(f'handoff = "unix:{self.socket}"\nhold = "60s"\nack_timeout = "60s"\n', head=HEAD)
        self.tls = self.tls_end(text)
        router = self.router(head=text)
        self.listener.close()
        client = python_tls(router.port(), "a.example", self.a)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
        self.assertEqual(self.tls.session()["outcome"], "client_closed")

    def check_that_no_worker_waits_for_a_file(self, before, flags=0):
        text = self.text(f'handoff = "unix:{self.socket}"\n', head=HEAD.replace("workers = 2", "workers = 1"))
        self.tls = self.tls_end(text, env=before_refusals(self.folder))
        router = self.router(head=text)
        ends = []
        backend = threading.Thread(target=lambda: ends.append(self.accept(True)[0]))
        backend.start()
        with slow_file() as file, python_tls(router.port(), "a.example", self.a) as client:
            backend.join(DEADLINE)
            self.tls.signal(signal.SIGSTOP)  # until its copy is the last
            if before:
                ends[0].sendall(before)
            socket.send_fds(ends[0], [b"x"], [file.fileno()], flags)
            file.close()
            self.tls.signal(signal.SIGCONT)
            read_all(client)  # what came with it is not said
            backend = threading.Thread(target=lambda: ends.append(self.accept(True)[0]))
            backend.start()
            with python_tls(router.port(), "a.example", self.a) as other:
                backend.join(DEADLINE)
                ends[1].sendall(b"its only worker is free")
                self.assertEqual(other.recv(100), b"its only worker is free")

    def test_where_the_kernel_lets_files_come_along_they_end_in_another_thread(self):
        self.check_that_no_worker_waits_for_a_file(b"")

    def test_so_do_files_behind_other_bytes(self):
        self.check_that_no_worker_waits_for_a_file(b"what is said before")

    def test_so_do_files_with_an_urgent_byte(self):
        self.check_that_no_worker_waits_for_a_file(b"what is said before", socket.MSG_OOB)


if __name__ == "__main__":
    main()
